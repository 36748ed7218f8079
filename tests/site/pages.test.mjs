/* The book as pages: what readers do with it. */
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {test} from 'node:test';
import {filesOf, LONG, PROJECT, seriousFaults, SITE, useSite} from './browser.mjs';

const site = useSite();
const SIX = ['index.html', 'chapters/README.html', 'chapters/13-buddy.html',
    'compare/stack-tree.html', 'watch.html', 'machine.html'];

const read = file => readFileSync(path.join(SITE, file), 'utf8');
const chapters = () => filesOf('.html').filter(file => /^chapters\/\d\d-[^/]*$/.test(file));

test('there is a page for each chapter, each solution and each file that is linked to', () => {
    const sources = new Set();
    for (const folder of ['chapters', 'chapters/solutions'])
        for (const file of filesOf('.html').filter(each => path.dirname(each) === folder)) {
            const markdown = path.join(PROJECT, file.replace('.html', '.md'));
            if (!existsSync(markdown))
                continue;
            for (const [, link] of readFileSync(markdown, 'utf8').matchAll(/\]\((\.\.\/[^)#]+)\)/g))
                if (folder === 'chapters' && !link.endsWith('.md'))
                    sources.add(path.join(folder, link));
        }
    assert.ok(chapters().length >= 21);
    assert.ok(filesOf('.html').filter(file => /^chapters\/solutions\/\d/.test(file)).length >= 60);
    assert.ok(sources.size > 40);
    for (const source of sources)
        assert.ok(existsSync(path.join(SITE, `${source}.html`)), `a page for ${source}`);
});

test('every link leads to a file of the site, and to a place in it that is there', () => {
    const wrong = [], ids = new Map();
    const idsOf = file => {
        if (!ids.has(file))
            ids.set(file, new Set([...read(file).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)));
        return ids.get(file);
    };
    let count = 0;
    for (const file of filesOf('.html').filter(each => each !== '404.html'))
        for (const [, link] of read(file).matchAll(/(?:href|src)="([^"]*)"/g)) {
            if (/^(https?|data|mailto):/.test(link))
                continue;
            const [, name, id] = link.match(/^([^#?]*)[^#]*#?(.*)$/);
            let target = name ? path.join(path.dirname(file), decodeURIComponent(name)) : file;
            if (name.endsWith('/') || name === '.' || name === './')
                target = path.join(target, 'index.html');
            count++;
            if (name.startsWith('/') || !existsSync(path.join(SITE, target)))
                wrong.push(`${file}: ${link}`);
            else if (id && target.endsWith('.html') && !idsOf(target).has(decodeURIComponent(id)))
                wrong.push(`${file}: ${link}: no such place`);
        }
    assert.deepEqual(wrong, []);
    assert.ok(count > 1000);
});

test('the text of a chapter is that of its file, its blocks included', async () => {
    const squeeze = text => text.replace(/\s+/g, '');
    await site.visit('chapters/09-bitmap.html', async page => {
        const markdown = readFileSync(path.join(PROJECT, 'chapters/09-bitmap.md'), 'utf8');
        const shown = squeeze(await page.locator('.vp-doc').innerText());
        for (const [, block] of markdown.matchAll(/^```(?:c|text|console)[^\n]*\n([^]*?)^```/gm))
            assert.ok(shown.includes(squeeze(block)), block);
    });
});

test('one goes from chapter to chapter, and back, without loading a page anew', async () => {
    await site.visit('chapters/README.html', async page => {
        await page.evaluate(() => globalThis.isSame = true);
        await page.getByRole('link', {name: /^Next/}).click();
        await page.waitForURL(/01-set-up/);
        await page.getByRole('link', {name: /^Next/}).click();
        await page.waitForURL(/02-boot/);
        await page.getByRole('link', {name: /^Previous/}).click();
        await page.waitForURL(/01-set-up/);
        await page.locator('h1', {hasText: 'Set up'}).waitFor();
        assert.ok(await page.evaluate(() => globalThis.isSame));
    });
});

test('the search finds a word of the book, and leads to it by keyboard', async () => {
    await site.visit('index.html', async page => {
        await page.keyboard.press('Control+k');
        await page.getByRole('searchbox').fill('Knowlton');
        await page.locator('.results .selected', {hasText: 'Buddy'}).waitFor();
        await page.keyboard.press('Enter');
        await page.waitForURL(/chapters\//);
    });
});

test('dark is chosen once, and stays', async () => {
    await site.visit('chapters/06-pages.html', async page => {
        const isDark = () =>
            page.evaluate(() => document.documentElement.classList.contains('dark'));
        assert.equal(await isDark(), false);
        await page.locator('.VPNavBarAppearance button').click();
        assert.equal(await isDark(), true);
        await page.reload();
        assert.equal(await isDark(), true);
    }, {colorScheme: 'light'});
});

test('a chapter says what it takes, and leads to the kernel before and after it', async () => {
    await site.visit('chapters/09-bitmap.html', async page => {
        assert.match(await page.locator('.effort').innerText(),
            /^About \d+ minutes: \d+ words, \d+ lines to type/);
        await page.getByRole('link', {name: 'the kernel after'}).click();
        await page.waitForURL(/after\/09\//);
        const row = page.getByRole('row', {name: /alloc\/words\.c/});
        assert.match(await row.innerText(), /new/);
        await row.getByRole('link').click();
        await page.waitForURL(/after\/09\/alloc\/words\.c/);
        const made = mkdtempSync(path.join(tmpdir(), 'freeram.')), folder = path.join(made, 'tree');
        execFileSync('chapters/play', ['tree', '9', folder], {cwd: PROJECT});
        assert.equal((await page.locator('.vp-doc pre').textContent()).trimEnd(),
            readFileSync(path.join(folder, 'alloc/words.c'), 'utf8').trimEnd());
        rmSync(made, {recursive: true});
    });
});

test('two stages stand side by side, with every line of both', async () => {
    await site.visit('compare/stack-tree.html', async page => {
        for (const [side, stage] of [['one', 'stack'], ['other', 'tree']]) {
            const lines = await page.locator(`.compare .${side}:not(.none)`).allTextContents();
            assert.equal(`${lines.join('\n')}\n`,
                readFileSync(path.join(PROJECT, `alloc/${stage}.c`), 'utf8'));
        }
    });
});

async function copied(page, block) {
    await block.scrollIntoViewIfNeeded();
    await block.hover();
    await block.locator('button.copy').click();
    await block.locator('button.copy.copied').waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
}

test('what is copied is what is to be typed, and nothing else', async () => {
    await site.visit('chapters/01-set-up.html', async page => {
        const file = page.locator('.vp-doc .language-c').first();
        assert.match(await copied(page, file), /^\/\* The first instructions[^]*\n}\s*$/);
        const shell = page.locator('.language-console', {hasText: 'chmod'});
        assert.equal((await copied(page, shell)).trim(), 'chmod +x run.sh\n./run.sh\necho $?');
    });
    await site.visit('chapters/09-bitmap.html', async page => {
        const diff = page.locator('.language-diff', {hasText: '#include "words.h"'}).first();
        assert.equal((await copied(page, diff)).trim(), '#include "alloc.h"\n#include "words.h"');
    });
});

test('blocks that are files are copied whole, as they stand in the chapter', async () => {
    await site.visit('chapters/07-bump.html', async page => {
        const markdown = readFileSync(path.join(PROJECT, 'chapters/07-bump.md'), 'utf8');
        const blocks = [...markdown.matchAll(/^```c \[[^\n]*\n([^]*?)^```/gm)]
            .map(([, text]) => text);
        const shown = page.locator('.vp-doc .language-c');
        assert.equal(await shown.count(), blocks.length);
        for (let i = 0; i < blocks.length; i++)
            assert.equal((await copied(page, shown.nth(i))).trimEnd(), blocks[i].trimEnd());
    });
});

test('100 columns stand on a laptop without a scroll bar', async () => {
    for (const width of [1280, 1366, 1440, 1536])
        await site.visit('alloc/radix.c.html', async page => {
            const pre = page.locator('.vp-doc pre');
            const longest = await pre.evaluate(({textContent}) =>
                Math.max(...textContent.split('\n').map(({length}) => length)));
            assert.ok(longest >= 98, `${longest} columns`);
            const [inside, outside] = await pre.evaluate(
                ({scrollWidth, clientWidth}) => [scrollWidth, clientWidth]);
            assert.ok(inside <= outside, `at ${width}: ${inside} pixels in ${outside}`);
        }, {viewport: {width, height: 768}});
});

test('the keyboard alone reaches the text, the chapters and the copy buttons', async () => {
    await site.visit('chapters/01-set-up.html', async page => {
        await page.keyboard.press('Tab');
        assert.match(await page.evaluate(() => document.activeElement.textContent),
            /Skip to content/);
        const reached = new Set();
        for (let i = 0; i < 150; i++) {
            await page.keyboard.press('Tab');
            reached.add(await page.evaluate(() => `${document.activeElement.className} ${
                document.activeElement.getAttribute('href')}`));
        }
        const text = [...reached].join(' ');
        assert.match(text, /copy/);
        assert.match(text, /02-boot/);
    });
});

test('axe finds nothing serious in six pages, light and dark', async () => {
    for (const colorScheme of ['light', 'dark'])
        for (const file of SIX)
            await site.visit(file, async page => {
                if (/watch|machine/.test(file))
                    await page.locator('[data-ready]').waitFor();
                assert.deepEqual(await seriousFaults(page), [], `${file}, ${colorScheme}`);
            }, {colorScheme});
});

test('without JavaScript the book is read all the same', async () => {
    await site.visit('chapters/01-set-up.html', async page => {
        await page.getByText('Nobody has told you where memory begins').waitFor();
        await page.locator('.language-c', {hasText: 'void boot(void)'}).first().waitFor();
        await page.getByRole('link', {name: /^Next/}).click();
        await page.waitForURL(/02-boot/);
        await page.goto(`${site.address}watch.html`);
        assert.match(await page.locator('noscript').innerText(), /^To watch needs JavaScript/);
    }, {javaScriptEnabled: false});
});

test('nothing sticks out of the page on a phone', async () => {
    for (const file of SIX)
        await site.visit(file, async page => {
            if (/watch|machine/.test(file))
                await page.locator('[data-ready]').waitFor();
            const [inside, outside] = await page.evaluate(() =>
                [document.documentElement.scrollWidth, innerWidth]);
            assert.ok(inside <= outside, `${file}: ${inside} pixels in ${outside}`);
        }, {viewport: {width: 390, height: 844}});
});

test('the licences of what is in the pages lie beside it', () => {
    const licences = readFileSync(path.join(SITE, 'licences.txt'), 'utf8');
    for (const name of ['vitepress', '@vue/runtime-core', 'minisearch', '@xterm/xterm',
        '@fontsource-variable/source-serif-4'])
        assert.ok(new RegExp(`^${name} [0-9.]+$`, 'm').test(licences), name);
    assert.match(readFileSync(path.join(SITE, 'opensbi-licence.txt'), 'utf8'), /Western Digital/);
    assert.ok(existsSync(path.join(SITE, 'opensbi.bin')));
});

/* For people to look at: build/screenshots. */
test('six pages are drawn, light, dark and narrow', async () => {
    const ways = {
        light: {colorScheme: 'light'}, dark: {colorScheme: 'dark'},
        phone: {colorScheme: 'light', viewport: {width: 390, height: 844}, deviceScaleFactor: 2},
    };
    for (const [way, options] of Object.entries(ways))
        for (const file of SIX)
            await site.visit(
                file.replace('watch.html', 'watch.html?stage=tree&pages=4096&call=4000'),
                async page => {
                    if (/watch|machine/.test(file))
                        await page.locator('[data-ready]').waitFor();
                    await page.screenshot({path: path.join(PROJECT, 'build/screenshots',
                        `${path.basename(file, '.html')}-${way}.png`)});
                }, options);
});
