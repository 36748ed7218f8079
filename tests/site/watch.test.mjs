/* The page Watch: what it shows is what the host's own run of the same calls does. */
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {before, test} from 'node:test';
import {figures} from '../../site/figures.mjs';
import {linesThatRan} from '../../site/watch/counts.mjs';
import {callsOf, callText, parseCalls, workloads} from '../../site/watch/calls.mjs';
import {faults} from '../../site/watch/faults.mjs';
import {load, Player, resultText, stageNames} from '../../site/watch/player.mjs';
import {filesOf, PROJECT, SITE, useSite} from './browser.mjs';

const site = useSite();
const PAGES = 256, host = path.join(PROJECT, 'build/web/host');
const STAGES = readFileSync(path.join(PROJECT, 'alloc/stages.h'), 'utf8')
    .match(/^STAGE\(.*\)$/gm).map(line => line.slice(6, -1));

const compiler = process.env.HOST_CC ?? process.env.CC ?? 'clang';

function buildHost(file, ...options) {
    mkdirSync(path.dirname(file), {recursive: true});
    execFileSync(compiler, ['-std=c11', '-O1', '-g', ...options, '-o', file, 'tests/site/host.c',
        ...['alloc', 'bits', 'bounds', 'rows', 'words', ...STAGES].map(name => `alloc/${name}.c`)],
    {cwd: PROJECT});
}

before(() => buildHost(host, '-fsanitize=address,undefined'));

const onHost = (stage, calls, pages = PAGES) =>
    execFileSync(host, [stage, `${pages}`],
        {input: calls.map(callText).join('\n'), encoding: 'utf8'}).trimEnd().split('\n');

async function playerOf(module, stage, calls, pages = PAGES) {
    const wasm = await WebAssembly.compile(readFileSync(path.join(SITE, `watch/${module}.wasm`)));
    return new Player(await load(wasm), stage, pages, calls);
}

const shown = player => `${resultText(player, player.position - 1)} | ${player.used} ${
    player.largestRun}`;

test('the stages are those of the sources, in their order', async () => {
    const wasm = await WebAssembly.compile(readFileSync(path.join(SITE, 'watch/fast.wasm')));
    assert.deepEqual(stageNames(await load(wasm)), STAGES);
});

test('each workload does on each stage what it does on the host, fast and traced', async () => {
    for (const stage of STAGES)
        for (const name of Object.keys(workloads)) {
            const calls = callsOf(name, 1024), expected = onHost(stage, calls, 1024);
            for (const module of ['fast', 'traced']) {
                const player = await playerOf(module, stage, calls, 1024);
                const lines = calls.map((_, at) => (player.go(at + 1), shown(player)));
                assert.deepEqual(lines, expected, `${stage}, ${name}, ${module}`);
                assert.equal(player.problem, null);
            }
        }
});

test('calls with pages by number, mistakes included, do what they do on the host', async () => {
    const calls = parseCalls('add 0 100\nadd 130 100\nadd 90 20\nalloc 3\nalloc 8 align 8\n' +
        'alloc_at 40 4\nalloc_at 42 1\nfree #5\nfree #5\nfree 40 2\nfree 300 1\nalloc 0\n' +
        'alloc 2 align 3\nfree #12\nalloc 200\nalloc_at 98 4\nalloc 60\nfree #99');
    for (const stage of STAGES) {
        const player = await playerOf('traced', stage, calls), expected = onHost(stage, calls);
        calls.forEach((_, at) => {
            player.go(at + 1);
            assert.equal(shown(player), expected[at], stage);
        });
    }
});

test('wherever one goes, back or on, the state is that of as many calls', async () => {
    const calls = callsOf('mixed', PAGES);
    for (const stage of STAGES) {
        const player = await playerOf('traced', stage, calls), expected = onHost(stage, calls);
        for (const at of [300, 299, 298, 1, 128, 127, 129, 500, 257, 256, 255, 500, 500, 2]) {
            player.go(at);
            assert.equal(player.position, at);
            assert.equal(shown(player), expected[at - 1], `${stage} at ${at}`);
            /* Bump is full soon, and alloc.c refuses before it looks at anything. */
            assert.ok(player.last.touches.length > 0 || stage === 'bump', `${stage} at ${at}`);
        }
    }
});

test('the words that a call touches are told, read and written apart', async () => {
    const calls = parseCalls('add 0 256\nalloc 1\nalloc 1\nfree #2');
    const touchedBy = async stage => {
        const player = await playerOf('traced', stage, calls);
        player.go(3);
        return player.touched().map(({table, at, reads, writes}) =>
            `${table?.name ?? 'ranges'} ${at} ${reads > 0 ? 'r' : ''}${writes > 0 ? 'w' : ''}`);
    };
    assert.ok((await touchedBy('bump')).includes('next 0 rw'));
    assert.deepEqual(await touchedBy('bitmap'), ['bitmap: 1 is free 0 rw']);
    const stack = await touchedBy('stack');
    assert.ok(stack.includes('top of the stack 0 r'), stack);
    assert.ok(stack.includes('bitmap: 1 is free 0 rw'), stack);
    const tree = await touchedBy('tree');
    assert.ok(tree.includes('bitmap, level 0: 1 is free 0 rw'), tree);
    assert.ok(tree.includes('summary, level 1 0 r'), tree);
    assert.ok(!tree.some(touch => /bounds, level/.test(touch)), tree);
    assert.ok((await touchedBy('radix')).includes('words in the hand 0 rw'));
});

test('each fault breaks an invariant that is named, and the sources break none', async () => {
    for (const [name, {stage, work, calls}] of Object.entries(faults)) {
        const list = calls ? parseCalls(calls) : callsOf(work, PAGES);
        const find = async module => {
            const player = await playerOf(module, stage, list);
            for (let at = 1; at <= list.length; at++) {
                player.go(at);
                if (player.problem)
                    return player.problem;
            }
            return null;
        };
        assert.equal(await find('traced'), null, name);
        assert.match(await find(name) ?? '', /[a-z]+ [a-z]+/, name);
    }
});

/* ---- the lines that ran ---- */

/* A tool of the compiler's version: they must agree on the format. */
function toolOf(name) {
    const version = execFileSync(compiler, ['-dumpversion'], {encoding: 'utf8'}).split('.')[0];
    const folders = process.env.PATH.split(':');
    return [`${name}-${version}`, name].flatMap(each => folders.map(room => `${room}/${each}`))
        .find(existsSync);
}

const llvmCov = toolOf('llvm-cov'), profdata = toolOf('llvm-profdata');
const counting = path.join(PROJECT, 'build/web/host-counting');
const linesOf = file => readFileSync(path.join(PROJECT, file), 'utf8').split('\n');

/* What llvm-cov says of one call on the host: 'alloc/tree.c:297 2', line 297 ran twice. The page
 * counts a macro where it is used, and not where it is made. */
function countedOnHost(stage, calls, at) {
    const raw = `${counting}.profraw`, merged = `${counting}.profdata`;
    execFileSync(counting, [stage, `${PAGES}`, `${at}`], {input: calls.map(callText).join('\n'),
        env: {...process.env, LLVM_PROFILE_FILE: raw}});
    execFileSync(profdata, ['merge', '-sparse', '-o', merged, raw]);
    const lcov = execFileSync(llvmCov, ['export', '-format=lcov', `-instr-profile=${merged}`,
        counting], {encoding: 'utf8', maxBuffer: 1 << 28});
    return lcov.split('end_of_record').flatMap(part => {
        const file = part.match(/^SF:.*\/(alloc\/.*)$/m)?.[1], lines = file ? linesOf(file) : [];
        return !file ? [] : [...part.matchAll(/^DA:(\d+),(\d+)$/gm)]
            .filter(([, line, times]) => times !== '0' && !/^#define/.test(lines[line - 1]))
            .map(([, line, times]) => `${file}:${line} ${times}`);
    }).sort();
}

const listing = () => JSON.parse(readFileSync(path.join(SITE, 'watch/counted.json'), 'utf8'));

const countedInPage = (files, counters) => Object.entries(files).flatMap(([name, file]) =>
    [...linesThatRan(file, counters)].map(([line, times]) => `${name}:${line} ${times}`)).sort();

test('each line ran as often in a call as llvm-cov says of the host', {
    skip: !(llvmCov && profdata) && 'no llvm-cov and llvm-profdata of the compiler here',
}, async () => {
    const {files} = listing();
    buildHost(counting, '-DCOVERAGE', '-fprofile-instr-generate', '-fcoverage-mapping');
    for (const stage of STAGES)
        for (const [name, at] of [['mixed', 1], ['mixed', 301], ['odd', 60], ['odd', 170]]) {
            const calls = callsOf(name, PAGES);
            const player = await playerOf('counted', stage, calls);
            player.go(at);
            const counted = countedInPage(files, player.counts);
            /* What bump refused to hand out cannot be freed: nothing runs. */
            assert.ok(counted.length > 5 || stage === 'bump', `${stage}, ${name}, call ${at}`);
            assert.deepEqual(counted, countedOnHost(stage, calls, at),
                `${stage}, ${name}, call ${at}: ${callText(calls[at - 1])}`);
        }
});

test('the sums of all calls are those of each, wherever one goes', async () => {
    const calls = callsOf('mixed', PAGES), player = await playerOf('counted', 'tree', calls);
    const sum = player.totals.slice(), sums = [], each = [];
    for (let at = 1; at <= 300; at++) {
        player.go(at);
        player.counts.forEach((times, i) => sum[i] += times);
        sums[at] = sum.slice();
        each[at] = player.counts;
    }
    for (const at of [300, 299, 128, 129, 128, 256, 1, 300]) {
        player.go(at);
        assert.deepEqual(player.totals, sums[at], `all up to ${at}`);
        assert.deepEqual(player.counts, each[at], `call ${at}`);
    }
});

test('the listing has the sources, line by line', () => {
    const plain = html => html.replace(/<[^>]*>/g, '').replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>').replaceAll('&#x3C;', '<').replaceAll('&quot;', '"')
        .replaceAll('&#39;', '\'').replaceAll('&amp;', '&').replaceAll('&#x26;', '&');
    const {files} = listing();
    for (const stage of STAGES)
        assert.ok(files[`alloc/${stage}.c`], stage);
    for (const [file, {lines}] of Object.entries(files))
        assert.deepEqual([...lines.map(plain), ''], linesOf(file), file);
});

test('a line that is no call is named, with what there is', () => {
    for (const line of ['alloc', 'alloc x', 'free', 'free #0', 'alloc 3 align', 'take 3', 'free 1'])
        assert.throws(() => parseCalls(`alloc 1\n${line}`),
            /^Error: line 2: “.*” is no call: write/);
});

/* ---- in the browser ---- */

const at = (stage, work, call, more = '') =>
    `watch.html?stage=${stage}&pages=${PAGES}&work=${work}&call=${call}${more}`;

test('each stage stepped in the browser, on and back, shows what the host says', async () => {
    const calls = callsOf('mixed', PAGES);
    for (const stage of STAGES) {
        const expected = onHost(stage, calls).map(line => line.split(' | ')[0]);
        await site.visit(at(stage, 'mixed', 230), async page => {
            await page.locator('.watch[data-ready]').waitFor();
            const slider = page.getByRole('slider', {name: 'Call'});
            const result = page.locator('.result code');
            const see = async call => {
                await page.locator('.where b', {hasText: new RegExp(`^${call}$`)}).waitFor();
                assert.equal(await result.innerText(), expected[call - 1],
                    `${stage}, call ${call}`);
            };
            await see(230);
            await slider.focus();
            for (let call = 231; call <= 245; call++) {
                await page.keyboard.press('ArrowRight');
                await see(call);
            }
            for (let call = 244; call >= 225; call--) {
                await page.getByRole('button', {name: 'Back one call'}).press('Enter');
                await see(call);
            }
        });
    }
});

test('the lines that a call ran are lit beside the picture, and change with it', async () => {
    const calls = callsOf('mixed', PAGES), {files} = listing();
    for (const [stage, file] of [['tree', 'alloc/tree.c'], ['radix', 'alloc/words.h']])
        await site.visit(at(stage, 'mixed', 230, `&code=${file}`), async page => {
            const player = await playerOf('counted', stage, calls);
            const isLit = async call => {
                await page.locator(`[data-code="${call}"]`).waitFor();
                player.go(call);
                assert.deepEqual(await page.locator('.code tbody tr').evaluateAll(rows =>
                    rows.flatMap((row, i) => row.matches('.lit') ?
                        [[i + 1, Number(row.cells[0].textContent)]] : [])),
                [...linesThatRan(files[file], player.counts)], `${stage}, call ${call}`);
            };
            await isLit(230);
            for (let call = 231; call <= 236; call++) {
                await page.getByRole('button', {name: 'Forward one call'}).press('Enter');
                await isLit(call);
            }
            await page.getByRole('button', {name: 'Back one call'}).press('Enter');
            await isLit(235);
            const [row, source] = await Promise.all([page.locator('.code tr.lit').first(),
                page.locator('.code .source')].map(each => each.boundingBox()));
            assert.ok(row.y > source.y && row.y < source.y + source.height, 'in sight');
            await page.getByRole('button', {name: 'Hide the C of this call'}).press('Enter');
            await page.locator('.code').waitFor({state: 'detached'});
            await page.waitForURL(/code=none/);
        });
});

test('a fault is shown in the source that has it', async () => {
    await site.visit('watch.html?pages=256&fault=fault-bound&stage=tree&work=odd&call=9',
        async page => {
            await page.locator('[data-code="9"]').waitFor();
            assert.notEqual(`${(await page.locator('.code .text').allTextContents()).join('\n')}\n`,
                readFileSync(path.join(PROJECT, 'alloc/tree.c'), 'utf8'));
        });
});

test('all stages stand side by side at the same call', async () => {
    const calls = callsOf('churn', PAGES);
    await site.visit(at('all', 'churn', 400), async page => {
        await page.locator('.watch[data-ready]').waitFor();
        for (const stage of STAGES)
            assert.equal(await page.locator(`[data-stage=${stage}] .result code`).innerText(),
                onHost(stage, calls)[399].split(' | ')[0]);
    });
});

test('the address says stage, workload and call, one\'s own calls too', async () => {
    await site.visit('watch.html', async page => {
        await page.locator('.watch[data-ready]').waitFor();
        await page.locator('.choices').getByLabel('Calls').selectOption('own');
        await page.getByLabel('Calls, a line each').fill('add 0 256\nalloc 5\nalloc 7');
        await page.getByRole('button', {name: 'Play them'}).click();
        await page.getByRole('radio', {name: 'buddy'}).check();
        await page.locator('.result code', {hasText: 'alloc 7: ALLOC_OK 8'}).waitFor();
        await page.waitForURL(/stage=buddy.*call=3/);
        await page.reload();
        await page.locator('.result code', {hasText: 'alloc 7: ALLOC_OK 8'}).waitFor();
        await page.getByLabel('Calls, a line each').fill('alloc 5\nboo');
        await page.getByRole('button', {name: 'Play them'}).click();
        await page.getByRole('alert').filter({hasText: 'line 2: “boo” is no call'}).waitFor();
    });
});

test('a fault that is run stops where it breaks, and says what is wrong', async () => {
    await site.visit('watch.html?pages=256', async page => {
        await page.locator('.watch[data-ready]').waitFor();
        await page.getByLabel('Fault').selectOption('fault-no-merge');
        await page.getByRole('button', {name: 'Run'}).click();
        await page.getByRole('alert').filter({hasText: /and its buddy are both free/}).waitFor();
        await page.getByRole('button', {name: 'Run'}).waitFor();
    });
});

test('a page that is clicked is freed, or taken', async () => {
    await site.visit(at('bitmap', 'own', 2, '&calls=add+0+256;alloc+3'), async page => {
        await page.locator('.watch[data-ready]').waitFor();
        await page.locator('canvas.map').click({position: {x: 4, y: 4}});
        await page.locator('.result code', {hasText: 'free 0 3: ALLOC_OK'}).waitFor();
        await page.locator('canvas.map').click({position: {x: 4, y: 4}});
        await page.locator('.result code', {hasText: 'alloc_at 0 1: ALLOC_OK 0'}).waitFor();
    });
});

test('the pictures in the chapters move, and show what the host does', async () => {
    for (const {chapter, stage, pages, calls, at} of figures) {
        const played = calls in workloads ? callsOf(calls, pages) :
            parseCalls(calls.replaceAll(';', '\n'));
        const results = onHost(stage, played, pages).map(line => line.split(' | ')[0]);
        const [file] = filesOf('.html').filter(each => each.startsWith(`chapters/${chapter}-`));
        await site.visit(file, async page => {
            const figure = page.locator('.alive.figure');
            await figure.scrollIntoViewIfNeeded();
            await page.locator('.alive.figure[data-ready]').waitFor();
            const result = figure.locator('.result code');
            assert.equal(await result.innerText(), results[at - 1], file);
            await figure.getByRole('button', {name: 'Forward one call'}).click();
            await page.locator(`.alive.figure[data-call="${at + 1}"]`).waitFor();
            assert.equal(await result.innerText(), results[at], file);
        });
    }
});
