/* What the page Machine shows of a kernel that runs is what is in that kernel's memory. The machine
 * counts time in instructions: so the kernel here, after as many, is the one in the page. */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {gunzipSync} from 'node:zlib';
import {Inside} from '../../site/machine/inside.mjs';
import {Machine} from '../../site/machine/machine.mjs';
import {Guest} from '../../site/watch/guest.mjs';
import {load} from '../../site/watch/player.mjs';
import {LONG, PROJECT, seriousFaults, SITE, useSite} from './browser.mjs';

const site = useSite();
const {default: stage, stages} = JSON.parse(readFileSync(path.join(SITE, 'kernels/stages.json')));
const kernelOf = name => gunzipSync(readFileSync(path.join(SITE, `kernels/${name}.elf.gz`)));
const wasm = await WebAssembly.compile(readFileSync(path.join(SITE, 'watch/fast.wasm')));
const RAM = 0x80000000, PAGE = 4096, FREE = 2;

/* A kernel that goes on to so many steps, or to its end, and is looked at. */
async function boot(kernel, memory = 128) {
    const machine = await Machine.load(readFileSync(path.join(SITE, 'machine.wasm')));
    const run = {machine, printed: '', inside: new Inside(machine, kernel)};
    machine.onOutput = bytes => run.printed += new TextDecoder().decode(bytes);
    machine.boot({firmware: readFileSync(path.join(SITE, 'opensbi.bin')), kernel, memory});
    run.goTo = steps => {
        let state = 'running';
        while (machine.steps < steps && state === 'running')
            state = machine.step(Math.min(4e6, steps - machine.steps));
        return run.inside.look();
    };
    return run;
}

async function guestOf(look) {
    const guest = new Guest(await load(wasm));
    guest.take(look);
    return guest;
}

/* ---- read by hand, from alloc/*.c ---- */

const word = (machine, address) =>
    new DataView(machine.peek(address, 8).buffer).getBigUint64(0, true);
const number = (machine, address) => Number(word(machine, address));

/* Where in the metadata the bitmap is, or a pointer to it. */
const bitmaps = {
    bitmap: (machine, meta) => meta,
    stack: (machine, meta) => meta + 64,
    tree: (machine, meta) => number(machine, meta + 16),
    buddy: (machine, meta) => meta + 1728,
    radix: (machine, meta) => number(machine, meta + 8),
};

/* Which pages are free, as the bits say, up to `end`. Under bump, all from `next` on. */
function freePages(machine, name, {metadata: {start: meta}, pages}, end) {
    const first = page => (page - RAM) / PAGE;
    if (name === 'bump')
        return Array.from({length: end}, (_, page) => page >= number(machine, meta) &&
            pages.some(range => page >= first(range.start) && page < first(range.end)));
    const bitmap = bitmaps[name](machine, meta);
    return Array.from({length: end}, (_, page) =>
        (word(machine, bitmap + (page >> 6) * 8) >> BigInt(page & 63) & 1n) === 1n);
}

const rangesOf = (printed, name) => [...printed.matchAll(
    new RegExp(`^${name} +(0x[0-9a-f]+) to (0x[0-9a-f]+)`, 'gm'))]
    .map(([, start, end]) => ({start: +start, end: +end}));

test('the maps are those that the kernel prints, with 32 MiB and with more', async () => {
    for (const memory of [32, 128, 1024]) {
        const run = await boot(kernelOf(stage), memory), {maps, image, allocator} = run.goTo(1e7);
        const {printed} = run;
        const bare = ranges => ranges.map(({start, end}) => ({start, end}));
        assert.equal(maps.memory.length, 1);
        assert.deepEqual(bare(maps.memory), rangesOf(printed, 'memory'));
        assert.deepEqual(bare(maps.reserved), rangesOf(printed, 'reserved'));
        assert.deepEqual(maps.reserved.map(({isTree}) => isTree), [false, true]);
        assert.equal(image.start, 0x80200000);
        assert.equal(image.end, maps.usable[0].start);
        assert.equal(maps.usable.at(-1).end, maps.memory[0].end);
        assert.match(printed, /device tree at 0x[0-9a-f]+/);
        assert.equal(allocator.metadata.end - allocator.metadata.start, 65536);
    }
});

/* Goes on to so many steps, and compares: {look, guest, free}, `free` a count. */
async function compareAt(run, guest, name, steps) {
    const look = run.goTo(steps);
    guest.take(look);
    assert.equal(look.allocator.stage, name);
    const free = freePages(run.machine, name, look.allocator, guest.pages);
    assert.deepEqual([...guest.map].map(page => page === FREE), free, `${name} after ${steps}`);
    return {look, free: free.filter(isFree => isFree).length};
}

test('every page of every stage is what the bits in its memory say', {timeout: LONG}, async () => {
    for (const name of stages) {
        const run = await boot(kernelOf(name)), guest = new Guest(await load(wasm)), counts = [];
        for (const steps of [9e6, 2e7, 6e7])
            counts.push((await compareAt(run, guest, name, steps)).free);
        assert.ok(new Set(counts).size > 1, `${name}: ${counts}`);
    }
});

test('at the end every invariant holds, and the counts are those of the console and of the bits',
    {timeout: LONG}, async () => {
        const run = await boot(kernelOf(stage)), guest = new Guest(await load(wasm));
        const {look, free} = await compareAt(run, guest, stage, Infinity);
        assert.match(run.printed, /^\d+ passed, 0 failed/m);
        assert.equal(look.where, 'shutdown');
        assert.equal(guest.problem, null);
        assert.ok(run.printed.includes(`\n${stage}: ${guest.total} pages`), `${guest.total}`);
        assert.equal(guest.total - guest.used, free);
    });

test('what changes from one look to the next is told, and where it is', async () => {
    const {machine, goTo} = await boot(kernelOf('tree')), look = goTo(2e7);
    const guest = await guestOf(look), {pages} = guest;
    const before = freePages(machine, 'tree', look.allocator, pages);
    guest.take(goTo(2e7 + 2000));
    const after = freePages(machine, 'tree', look.allocator, pages);
    const changed = before.findIndex((isFree, page) => isFree !== after[page]);
    assert.ok(changed >= 0);
    assert.equal(guest.changedPage(0, pages), changed);
    const [bits] = guest.tablesOf(changed, 64).filter(({name}) => /^bitmap/.test(name));
    assert.ok(guest.changedIn(bits).some(({at}) => bits.from + at === changed >> 6));
});

test('a part of a table tells of the pages that are shown, whatever the table', async () => {
    for (const name of stages.filter(each => each !== 'bump')) {
        const {machine, goTo} = await boot(kernelOf(name), 1024), look = goTo(2e7);
        const guest = await guestOf(look), tables = guest.tablesOf(8192, 2048);
        const [bits] = tables.filter(({name: title}) => /^bitmap/.test(title));
        assert.deepEqual([bits.from, bits.count], [128, 32], name);
        const bitmap = bitmaps[name](machine, look.allocator.metadata.start);
        for (let at = 0; at < bits.count; at++)
            assert.equal(guest.value(bits, at), word(machine, bitmap + (128 + at) * 8), name);
        for (const table of tables)
            assert.ok(table.count <= 64, `${name}: ${table.name} has ${table.count}`);
    }
});

test('tables that are not what they should be are not shown', async () => {
    const {goTo} = await boot(kernelOf('radix')), look = goTo(2e7);
    const refused = async (change, words) => {
        const {bytes, meta} = look.allocator;
        const allocator = {...look.allocator, bytes: bytes.slice(), meta: meta.slice()};
        change(allocator);
        await assert.rejects(guestOf({...look, allocator}), words);
    };
    await refused(copy => copy.stage = 'mine', /stage is mine/);
    await refused(copy => copy.stage = undefined, /no stage that has a name/);
    await refused(copy => copy.stage = 'tree', /lie otherwise/);
    await refused(copy => copy.meta[8] ^= 8, /lie otherwise/); /* where the bitmap is */
    await refused(copy => copy.meta = copy.meta.slice(0, 1000), /lie otherwise/);
    await refused(copy => copy.bytes[8] ^= 1, /lie otherwise/); /* base */
    await refused(copy => copy.bytes[31] = 255, /lie otherwise/); /* the span's end */
    await refused(copy => copy.meta = new Uint8Array(1 << 20), /more tables/);
});

/* ---- in the browser ---- */

async function open(page) {
    await page.locator('.machine[data-ready]').waitFor();
    const summary = page.locator('summary', {hasText: 'Look inside'});
    await summary.focus();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('region', {name: 'Inside the kernel'});
    await panel.waitFor();
    return {
        panel,
        press: name => page.getByRole('button', {name, exact: true}).click(),
        stepsNow: async () => +await panel.getAttribute('data-steps'),
    };
}

/* What the panel shows now is what is in the memory of the same kernel here. */
async function compare(panel, kernel, steps) {
    const look = (await boot(kernel)).goTo(steps), guest = await guestOf(look);
    const text = await panel.innerText();
    const hex = address => `0x${address.toString(16)}`;
    for (const {start, end} of [...look.maps.memory, ...look.maps.reserved, ...look.maps.usable,
        ...look.allocator.pages, look.allocator.metadata, look.allocator.span, look.image])
        assert.ok(text.includes(`${hex(start)} to ${hex(end)}, ${(end - start) / 1024} KiB`),
            `${hex(start)} in ${text}`);
    assert.ok(text.includes(`${guest.used} of ${guest.total} pages in use`), text);
    assert.ok(text.includes(`longest free run ${guest.largestRun}`), text);
    assert.ok(text.includes(look.where), text);
    const [, from, last, free] = text.match(/Pages (\d+) to (\d+), from \S+ on: (\d+) free/);
    const pages = guest.map.subarray(+from, +last + 1);
    assert.equal(pages.filter(page => page === FREE).length, +free);
}

test('opened by keyboard it shows what the kernel holds, while it runs and while it is paused',
    {timeout: LONG}, async () => {
        await site.visit('machine.html?kernel=radix', async page => {
            const {panel, press, stepsNow} = await open(page);
            await panel.getByText(/^Boot a kernel/).waitFor();
            await press('Boot');
            await page.locator('.inside [data-stage="radix"]').waitFor();
            const then = await stepsNow();
            await page.waitForFunction(steps => +document.querySelector('.inside .stage')
                .dataset.steps > steps, then);
            await press('Pause');
            await panel.getByText(/page_problem/).waitFor();
            await page.waitForTimeout(600); /* what was on its way has come */
            const steps = await stepsNow();
            await compare(panel, kernelOf('radix'), steps);
            await page.waitForTimeout(600);
            assert.equal(await stepsNow(), steps);
            await press('Go on');
            await page.waitForFunction(before => +document.querySelector('.inside .stage')
                .dataset.steps > before, steps);
        });
    });

test('opened after the end it shows the end, and after Stop where that was', {timeout: LONG},
    async () => {
        await site.visit('machine.html?kernel=book/after-17', async page => {
            await page.locator('.machine .verdict', {hasText: /exit status 0/}).waitFor();
            const {panel} = await open(page);
            await panel.getByText(/page_problem finds nothing wrong/).waitFor();
            await compare(panel, kernelOf('book/after-17'), Infinity);
        });
        await site.visit('machine.html?kernel=tree', async page => {
            const {panel, press, stepsNow} = await open(page);
            await press('Boot');
            await page.locator('.inside [data-stage="tree"]').waitFor();
            await press('Stop');
            await page.locator('.machine .verdict', {hasText: 'Stopped.'}).waitFor();
            await panel.getByText(/page_problem/).waitFor();
            await compare(panel, kernelOf('tree'), await stepsNow());
        });
    });

test('the slider and the strip say which pages are shown', {timeout: LONG}, async () => {
    await site.visit('machine.html?kernel=buddy', async page => {
        const {panel, press} = await open(page);
        await press('Boot');
        await page.locator('.inside [data-stage="buddy"]').waitFor();
        await press('Stop');
        await panel.getByText(/page_problem/).waitFor();
        const slider = panel.getByRole('slider', {name: 'First page that is shown'});
        await slider.focus();
        await page.keyboard.press('Home');
        await panel.getByText('Pages 0 to 2047, from 0x80000000 on').waitFor();
        await page.keyboard.press('ArrowRight');
        await panel.getByText('Pages 64 to 2111, from 0x80040000 on').waitFor();
        await page.keyboard.press('End');
        const last = (await panel.getByText(/^Pages \d+ to/).innerText()).match(/to (\d+),/)[1];
        await panel.getByLabel('Pages that are shown').selectOption('8192');
        await panel.getByText(new RegExp(`^Pages \\d+ to ${last},`)).waitFor();
        await panel.locator('canvas.strip').click({position: {x: 1, y: 5}});
        await panel.getByText('Pages 0 to 8191').waitFor();
        await panel.locator('canvas.map').hover({position: {x: 1, y: 1}});
        await panel.getByText('Page 0 at 0x80000000: absent').waitFor();
    });
});

test('where nothing can be told that is said, and nothing is drawn', {timeout: LONG}, async () => {
    const bare = kernelOf('bump');
    bare.fill(0, 0x3c, 0x3e); /* no section, so no symbols */
    const cases = [
        [bare, /has no symbols/],
        [kernelOf('book/after-04'), /no struct page_allocator/],
        [kernelOf('book/after-11'), /The tables of tree lie otherwise in this kernel/],
    ];
    for (const [kernel, words] of cases)
        await site.visit('machine.html', async page => {
            const {panel, press} = await open(page);
            await page.getByLabel('or a kernel of yours').setInputFiles(
                {name: 'kernel.elf', mimeType: '', buffer: kernel});
            await press('Boot');
            await panel.getByText(words).waitFor();
            assert.equal(await panel.locator('canvas').count(), 0);
        });
});

test('axe finds nothing serious in the open panel, nothing sticks out, and it is drawn',
    {timeout: LONG}, async () => {
        const ways = {
            light: {colorScheme: 'light'}, dark: {colorScheme: 'dark'},
            phone: {colorScheme: 'light', viewport: {width: 390, height: 844},
                deviceScaleFactor: 2},
        };
        for (const [way, options] of Object.entries(ways))
            await site.visit(`machine.html?kernel=${stage}`, async page => {
                const {panel, press} = await open(page);
                await press('Boot');
                await page.locator('.machine .progress', {hasText: /test \d+ of/}).waitFor();
                await press('Pause');
                await panel.getByText(/page_problem/).waitFor();
                assert.deepEqual(await seriousFaults(page), [], way);
                const [inside, outside] = await page.evaluate(() =>
                    [document.documentElement.scrollWidth, innerWidth]);
                assert.ok(inside <= outside, `${way}: ${inside} pixels in ${outside}`);
                await panel.screenshot({path: path.join(PROJECT, 'build/screenshots',
                    `inside-${way}.png`)});
            }, options);
    });
