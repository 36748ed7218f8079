/* The kernels of the book: each boots in the site's machine, and prints what its block shows.
 * It is built anew, and has to be the one that the page boots, byte for byte. */
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {PROJECT, SITE} from './browser.mjs';

const boots = path.join(PROJECT, 'build/web/boots');
const bin = path.join(PROJECT, 'build/web/machine-bin');
const partsOf = folder =>
    readdirSync(path.join(PROJECT, folder)).filter(file => /^\d\d-/.test(file));
const kernelOf = name => path.join(SITE, `kernels/book/${name}.elf.gz`);

/* The machine, as the QEMU that is found first. What is not a boot is for QEMU itself. A
 * kernel may be silent for as long as a busy machine takes. */
mkdirSync(bin, {recursive: true});
const qemu = path.join(bin, 'qemu-system-riscv64');
writeFileSync(qemu, `#!/bin/sh
case " $* " in
*" -kernel "*) exec node '${PROJECT}/tests/site/qemu.mjs' "$@" ;;
*) exec "$REAL_QEMU" "$@" ;;
esac
`);
chmodSync(qemu, 0o755);
const env = {...process.env, PATH: `${bin}:${process.env.PATH}`, QEMU: qemu,
    REAL_QEMU: process.env.QEMU, TIME_LIMIT: '900'};

for (const name of readdirSync(boots).filter(each => existsSync(kernelOf(each)))) {
    const folder = path.join(boots, name), tree = path.join(folder, 'tree');
    const command = readFileSync(path.join(folder, 'command'), 'utf8').trim();
    test(`chapter ${name}: ${command}`, () => {
        const {status, stdout, stderr} = spawnSync('chapters/play',
            ['transcripts', path.join(folder, 'block.md'), tree],
            {cwd: PROJECT, env: {...env, PAGES_KERNEL: kernelOf(name)}, encoding: 'utf8'});
        assert.equal(status, 0, stdout + stderr);
    });
}

test('there are kernels from the third chapter on, and blocks that boot them', () => {
    const chapters = partsOf('chapters').map(file => file.slice(0, 2));
    for (const number of chapters.filter(each => +each >= 3))
        assert.ok(existsSync(kernelOf(`after-${number}`)), number);
    const blocks = readdirSync(boots).filter(each => existsSync(kernelOf(each)));
    assert.ok(blocks.length > 50, `${blocks.length} blocks`);
});

/* What pandoc and pdftotext read in them, and where their links lead. */
test('the whole book is there as EPUB and as PDF', () => {
    const say = (command, ...words) =>
        spawnSync(command, words, {encoding: 'utf8', maxBuffer: 1 << 26}).stdout;
    const texts = [say('pandoc', '--to', 'plain', '--wrap=none', path.join(SITE, 'freeram.epub')),
        say('pdftotext', path.join(SITE, 'freeram.pdf'), '-')];
    for (const folder of ['chapters', 'chapters/solutions'])
        for (const file of partsOf(folder)) {
            const text = readFileSync(path.join(PROJECT, folder, file), 'utf8');
            const title = text.match(/^# (.*)/)[1].replaceAll('`', '');
            const words = title.split(' ').slice(0, 4).join(' ');
            for (const whole of texts)
                assert.ok(whole.includes(words), `${file}: ${words}`);
        }
    const html = readFileSync(path.join(PROJECT, 'build/web/book.html'), 'utf8');
    const ids = new Set([...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id));
    const links = [...html.matchAll(/ href="#([^"]*)"/g)].map(([, id]) => id);
    assert.ok(links.length > 150, `${links.length} links`);
    assert.deepEqual(links.filter(id => !ids.has(id)), []);
});
