/* What the chapters need beyond Markdown: how their blocks are drawn and copied, and where their
 * links lead. The chapters know nothing of it; see chapters/README.md for what the blocks mean. */
import {existsSync} from 'node:fs';
import path from 'node:path';

const pages = new URL('../pages/', import.meta.url).pathname;

export function book(md) {
    drawBlocks(md);
    md.core.ruler.push('freeram', state => {
        if (!state.env.relativePath?.startsWith('chapters/'))
            return;
        dropNavigation(state);
        markFileLines(state);
        linkSources(state);
    });
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
function colourPart(highlight, text, language) {
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

const LANGUAGES = {c: 'c', h: 'c', ld: 'c', sh: 'bash'};

export function languageOf(file) {
    return LANGUAGES[path.extname(file).slice(1)] ?? 'text';
}

function drawBlocks(md) {
    const {highlight} = md.options, {fence} = md.renderer.rules;
    const frame = lines => highlight('', 'text', '').replace(/(<code[^>]*>)[^]*(<\/code>)/,
        (_, begin, end) => begin + lines.join('') + end);
    md.renderer.rules.fence = (tokens, at, options, env, self) => {
        const token = tokens[at], [word, file = ''] = token.info.split(/[\s[\]]+/);
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

/* The line above a block, which says for which file it is. */
function markFileLines({tokens}) {
    tokens.forEach(({type}, at) => {
        if (type === 'fence' && /^\*\*`[^`]+`\*\*/.test(tokens[at - 2]?.content))
            tokens[at - 3].attrJoin('class', 'file');
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
