/* What the chapters need beyond Markdown: how their blocks are drawn and copied, and where their
 * links lead. The chapters know nothing of it; see chapters/README.md for what the blocks mean. */
import {existsSync} from 'node:fs';
import path from 'node:path';
import {figures} from '../figures.mjs';

const pages = new URL('../pages/', import.meta.url).pathname;

export function book(md) {
    drawBlocks(md);
    md.core.ruler.before('normalize', 'chapter', state => {
        const number = chapterOf(state.env.relativePath);
        if (!number)
            return;
        const effort = effortOf(state.src, number);
        state.src = moveFigures(offerBoot(state.src, number), number)
            .replace('\n', `\n\n<div class="effort">\n\n${effort}\n\n</div>\n`);
    });
    md.core.ruler.push('freeram', state => {
        if (!state.env.relativePath?.startsWith('chapters/'))
            return;
        dropNavigation(state);
        markFileLines(state);
        linkSources(state);
    });
}

/* "09" of chapters/09-bitmap.md; nothing of any other page. */
function chapterOf(file) {
    return file?.match(/^chapters\/(\d\d)-[^/]*$/)?.[1];
}

const twoDigits = number => String(number).padStart(2, '0');

/* ---- what is added to a chapter's text ---- */

/* The blocks of a text: the file that it is for, if any, its lines, where its end is in the text,
 * and the number of its first line. */
function blocksOf(text) {
    return [...text.matchAll(/^```\S*(?: \[(\S+)\])?.*\n([^]*?)^```\n/gm)]
        .map(({0: all, 1: file, 2: lines, index}) => ({file, lines: linesIn(lines),
            end: index + all.length, first: linesIn(text.slice(0, index)).length + 2}));
}

/* How long it takes: 200 words are read in a minute, and 10 lines typed. */
function effortOf(text, number) {
    const words = text.replace(/^```[^]*?^```\n/gm, '').split(/\s+/).length;
    const typed = blocksOf(text).filter(({file}) => file).flatMap(({lines}) =>
        lines.some(line => line.startsWith('@@')) ? lines.filter(line => line[0] === '+') : lines);
    const minutes = Math.ceil((words / 200 + typed.length / 10) / 5) * 5;
    const before = twoDigits(number - 1), counted = Math.round(words / 100) * 100;
    const kernels = [[before, 'before'], [number, 'after']]
        .filter(([each]) => existsSync(`${pages}after/${each}/index.md`))
        .map(([each, when]) => `[the kernel ${when}](../after/${each}/index.md)`);
    return `About ${minutes} minutes: ${counted} words, ${typed.length} lines to type · ` +
        kernels.join(' · ');
}

/* Behind a picture, the same in motion. */
function moveFigures(text, number) {
    const mine = figures.filter(({chapter}) => chapter === number);
    for (const {chapter, behind, ...properties} of mine) {
        const begin = text.indexOf(`\`\`\`text\n${behind}`);
        if (begin < 0)
            throw new Error(`site/figures.mjs: chapter ${chapter} has no picture of “${behind}”`);
        const end = text.indexOf('\n```\n', begin) + '\n```\n'.length;
        const bound = Object.entries(properties).map(([name, value]) =>
            typeof value === 'number' ? `:${name}="${value}"` : `${name}="${value}"`).join(' ');
        text = `${text.slice(0, end)}\n<ClientOnly><WatchFigure ${bound} /></ClientOnly>\n` +
            text.slice(end);
    }
    return text;
}

/* Behind a block that boots a kernel, the way to where it boots. */
function offerBoot(text, number) {
    let offered = '', at = 0;
    for (const {first, end} of blocksOf(text)) {
        const name = `book/${number}-${first}`;
        if (!existsSync(`${pages}public/kernels/${name}.elf.gz`))
            continue;
        offered += `${text.slice(at, end)}\n<div class="boots">\n\n` +
            `[Boot this kernel](../machine.md?kernel=${name})\n\n</div>\n`;
        at = end;
    }
    return offered + text.slice(at);
}

/* ---- blocks ---- */

/* VitePress's copy button leaves out what has this class. The end of a line goes with it. */
const IGNORED = 'vp-copy-ignore';

function escapeHtml(text) {
    return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function linesIn(text) {
    return text.replace(/\n$/, '').split('\n');
}

/* What is not copied: a sign before a line, a whole line. */
function sign(text) {
    return `<span class="sign ${IGNORED}">${text}</span>`;
}

function silent(kind, text) {
    return `<span class="line ${kind} ${IGNORED}">${escapeHtml(text)}\n</span>`;
}

/* A console: what is typed, and what is printed, which nobody copies. */
function drawConsole(text) {
    let isTyped = false;
    return linesIn(text).map(line => {
        isTyped = line.startsWith('$ ') || (isTyped && line.startsWith('> '));
        return isTyped ? `<span class="line typed">${sign(line.slice(0, 2))}` +
            `${escapeHtml(line.slice(2))}</span>\n` : silent('printed', line);
    });
}

/* The lines of a part of a file, coloured. It may begin inside a comment: then its colours need the
 * comment's beginning. */
export function colourPart(highlight, text, language) {
    const begin = text.indexOf('/*'), end = text.indexOf('*/');
    const isInside = language === 'c' && (end >= 0 && (begin < 0 || end < begin));
    /* VitePress drops empty lines at the end. */
    const html = highlight(`${isInside ? '/*\n' : ''}${text}\n.`, language, '');
    return html.match(/<code[^>]*>([^]*)<\/code>/)[1].split('\n').slice(isInside ? 1 : 0);
}

/* A diff: what goes is coloured as a part of the file that was, the rest as part of the one that
 * comes. Neither signs nor what goes is copied. */
function drawDiff(text, highlight, language) {
    const lines = linesIn(text).map(line => [line[0] ?? ' ', line.slice(1)]);
    const without = other => colourPart(highlight,
        lines.map(([kind, code]) => '@\\'.includes(kind) || kind === other ? '' : code).join('\n'),
        language);
    const was = without('+'), comes = without('-');
    const dress = (line, kind, before) =>
        line.replace('<span class="line">', `<span class="line ${kind}">${sign(before)}`);
    return lines.map(([kind, code], at) => {
        if (kind === '@')
            return silent('hunk', code.replace(/^@ ?/, '') || '…');
        if (kind === '-')
            return dress(was[at], `diff remove ${IGNORED}`, '-').replace(/<\/span>$/, '\n</span>');
        return `${dress(comes[at], kind === '+' ? 'diff add' : 'same', kind)}\n`;
    });
}

/* Two files side by side, of a diff that has all of their lines. What goes stands beside what comes
 * in its place. In <pre>: anywhere else Vue makes one space of several. */
function drawComparison(text, highlight, names) {
    const lines = linesIn(text), rows = [];
    const without = other => colourPart(highlight,
        lines.map(line => line[0] === other ? '' : line.slice(1)).join('\n'), 'c');
    const was = without('+'), comes = without('-');
    for (let at = 0; at < lines.length;) {
        if (lines[at][0] === ' ') {
            rows.push(['same', was[at], comes[at++]]);
            continue;
        }
        const gone = [], come = [];
        while (lines[at]?.[0] === '-')
            gone.push(was[at++]);
        while (lines[at]?.[0] === '+')
            come.push(comes[at++]);
        for (let i = 0; i < Math.max(gone.length, come.length); i++)
            rows.push(['changed', gone[i], come[i]]);
    }
    const cell = (line, side) => line === undefined ? `<td class="${side} none"></td>` :
        `<td class="${side}"><pre>${line}</pre></td>`;
    const heads = names.map(name => `<th scope="col">${name}</th>`).join('');
    const body = rows.map(([kind, one, other]) =>
        `<tr class="${kind}">${cell(one, 'one')}${cell(other, 'other')}</tr>`).join('\n');
    return '<table v-pre class="compare vp-code">' +
        `<thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table>`;
}

const LANGUAGES = {c: 'c', h: 'c', ld: 'c', sh: 'bash'};

export function languageOf(file) {
    return LANGUAGES[path.extname(file).slice(1)] ?? 'text';
}

function drawBlocks(md) {
    const {highlight} = md.options, {fence} = md.renderer.rules;
    const frame = lines => highlight('', 'text', '').replace(/(<code[^>]*>)[^]*(<\/code>)/,
        (_, begin, end) => begin + lines.join('') + end);
    md.renderer.rules.fence = (tokens, at, options, env, self) => {
        const token = tokens[at], [word, file = '', ...more] = token.info.split(/[\s[\]]+/);
        if (word === 'compare')
            return drawComparison(token.content, highlight, [file, more[0]]);
        const drawings = {
            console: text => frame(drawConsole(text)),
            diff: text => frame(drawDiff(text, highlight, languageOf(file))),
        };
        token.info = {ld: 'c', gdb: 'text'}[word] ?? word;
        return fence(tokens, at, {...options, highlight: drawings[word] ?? highlight}, env, self);
    };
}

/* ---- text ---- */

/* Links to the chapters beside this one end it on GitHub. Here each page has its own. */
function dropNavigation({tokens}) {
    const last = tokens.findLastIndex(({type}) => type === 'inline');
    if (last > 0 && /^\[(Contents|←)/.test(tokens[last].content))
        tokens.splice(last - 1, 3);
}

/* The line above a block, which says for which file it is. In a chapter it leads to all of the file
 * as it is in the end. */
function markFileLines({env, tokens, Token}) {
    const number = chapterOf(env.relativePath);
    tokens.forEach(({type}, at) => {
        const label = tokens[at - 2], [, file] = label?.content.match(/^\*\*`([^`]+)`\*\*/) ?? [];
        if (type !== 'fence' || !file)
            return;
        tokens[at - 3].attrJoin('class', 'file');
        if (!existsSync(`${pages}after/${number}/${file}.md`))
            return;
        const open = new Token('link_open', 'a', 1), close = new Token('link_close', 'a', -1);
        open.attrSet('href', `../after/${number}/${file}.md`);
        open.attrSet('title', `${file}, as it is after this chapter`);
        const end = label.children.findIndex(child => child.type === 'strong_close');
        label.children.splice(end + 1, 0, close);
        label.children.unshift(open);
    });
}

/* Each file that a chapter links to has a page, NAME.html. */
function linkSources({env, tokens}) {
    const folder = path.dirname(env.relativePath);
    const links = tokens.flatMap(({children}) => children ?? [])
        .filter(({type}) => type === 'link_open');
    for (const link of links) {
        const href = link.attrGet('href');
        if (existsSync(`${pages}${path.join(folder, href)}.md`))
            link.attrSet('href', `${href}.md`);
    }
}
