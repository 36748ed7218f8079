/* The page Machine: the kernel boots in it, and passes. */
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {gunzipSync} from 'node:zlib';
import {LONG, PROJECT, SITE, useSite} from './browser.mjs';

const site = useSite();
const {default: stage, stages} = JSON.parse(readFileSync(path.join(SITE, 'kernels/stages.json')));

async function open(page) {
    await page.locator('.machine[data-ready]').waitFor();
    return {
        kernel: page.locator('.machine .choices select').first(),
        verdict: page.locator('.machine .verdict'),
        screen: page.locator('.machine .screen'),
        press: name => page.getByRole('button', {name, exact: true}).click(),
    };
}

test('the default stage boots to the end of its self-test', {timeout: LONG}, async () => {
    await site.visit('machine.html', async page => {
        const {kernel, verdict, press} = await open(page);
        assert.equal(await kernel.inputValue(), stage);
        await press('Boot');
        await page.locator('.machine .progress', {hasText: /test \d+ of \d+/}).waitFor();
        await verdict.filter({hasText: /exit status/}).waitFor();
        assert.match(await verdict.innerText(), /^\d+ passed, 0 failed, .*: exit status 0$/);
    });
});

test('under node it prints what QEMU prints, and is fast enough', {timeout: LONG}, t => {
    const qemu = spawnSync(process.env.QEMU ?? 'qemu-system-riscv64', ['--version']).stdout;
    if (!String(qemu).includes('version 7.2.'))
        return t.skip('it is compared with QEMU 7.2');
    const {status, stderr} = spawnSync(
        'tests/machine/run.sh', ['page', 'selftest'], {cwd: PROJECT, timeout: LONG});
    assert.equal(String(stderr), '');
    assert.equal(status, 0);
});

test('any stage boots, pauses, goes on and stops', {timeout: LONG}, async () => {
    await site.visit(`machine.html?kernel=${stages[0]}`, async page => {
        const {verdict, screen, press} = await open(page);
        await press('Boot');
        await screen.getByText(`${stages[0]}: `).first().waitFor();
        await press('Pause');
        await press('Go on');
        await press('Stop');
        await verdict.filter({hasText: 'Stopped.'}).waitFor();
        await press('Boot');
        await screen.getByText('OpenSBI').first().waitFor();
    });
});

test('a kernel of one\'s own boots from its file, and what is none is refused', {timeout: LONG},
    async () => {
        await site.visit('machine.html', async page => {
            const {verdict, screen, press} = await open(page);
            const file = page.getByLabel('or a kernel of yours');
            await file.setInputFiles(path.join(SITE, 'licences.txt'));
            await press('Boot');
            await verdict.filter({hasText: 'the kernel is no ELF file'}).waitFor();
            const packed = readFileSync(path.join(SITE, `kernels/${stages[1]}.elf.gz`));
            await file.setInputFiles(
                {name: 'kernel.elf', mimeType: '', buffer: gunzipSync(packed)});
            await press('Boot');
            await screen.getByText(`${stages[1]}: `).first().waitFor();
        });
    });

test('a kernel of the book boots from its block', {timeout: LONG}, async () => {
    await site.visit('chapters/08-a-self-test.html', async page => {
        await page.getByRole('link', {name: 'Boot this kernel'}).first().click();
        const {kernel, screen} = await open(page);
        await screen.getByText('bump: ').first().waitFor();
        assert.match(await kernel.innerText(), /^chapter 8: \.\/run\.sh$/m);
    });
});
