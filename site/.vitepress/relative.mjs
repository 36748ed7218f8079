/* Makes the site one that stands in any folder of any host.
 *
 * VitePress wants to know the folder when it builds. It is told a name that stands nowhere else,
 * PLACE, and when it is done each PLACE becomes what it is from the file that it stands in: in HTML
 * and CSS a relative path, in JavaScript what the module's own address says when it is loaded. */
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {parseAst} from 'vite';

export const PLACE = '/place-of-the-site/';

/* Links are made whole before anything else runs: what stays while pages change below it, as the
 * sidebar does, must not mean something else from the next page's folder. */
const WHOLE_LINKS = '<script>' +
    'for (const a of document.querySelectorAll("a[href],link[rel=icon]")) ' +
    'if (!a.getAttribute("href").startsWith("#")) a.setAttribute("href", a.href)</script>';

function inHtml(text, up) {
    const begin = `<script>const placeOfSite = new URL("${up}", location).pathname</script>`;
    return text.split(/(<script[^>]*>[^]*?<\/script>)/).map(part => {
        const body = part.match(/^(<script[^>]*>)([^]+)(<\/script>)$/);
        return body ? body[1].replaceAll(PLACE, up) +
            body[2].replaceAll(PLACE, '"+placeOfSite+"') + body[3] : part.replaceAll(PLACE, up);
    }).join('').replace('<head>', `<head>${begin}`).replace('</body>', `${WHOLE_LINKS}</body>`);
}

/* All strings of a program that have PLACE in them, from the last to the first. */
function stringsOf(text) {
    const found = [];
    const visit = node => {
        if (Array.isArray(node))
            node.forEach(visit);
        if (!node || typeof node.type !== 'string')
            return;
        if (/^(Literal|TemplateElement)$/.test(node.type) &&
            text.slice(node.start, node.end).includes(PLACE))
            found.push(node);
        for (const [key, child] of Object.entries(node))
            if (typeof child === 'object' && key !== 'value')
                visit(child);
            else if (key === 'value' && child?.type)
                visit(child);
    };
    visit(parseAst(text));
    return found.sort((a, b) => b.start - a.start);
}

function inScript(text, up) {
    for (const {type, start, end} of stringsOf(text)) {
        const string = text.slice(start, end), quote = string[0];
        const now = type === 'TemplateElement' ? string.replaceAll(PLACE, '${placeOfSite}') :
            `(${string.replaceAll(PLACE, `${quote}+placeOfSite+${quote}`)})`;
        text = text.slice(0, start) + now + text.slice(end);
    }
    return `const placeOfSite=new URL("${up}",import.meta.url).pathname;${text}`;
}

const edits = {'.html': inHtml, '.js': inScript, '.css': (text, up) => text.replaceAll(PLACE, up)};

export function makeRelative(folder) {
    for (const entry of readdirSync(folder, {recursive: true, withFileTypes: true})) {
        const file = path.join(entry.parentPath ?? entry.path, entry.name);
        const edit = entry.isFile() && edits[path.extname(file)];
        const text = edit ? readFileSync(file, 'utf8') : '';
        if (!text.includes(PLACE))
            continue;
        const depth = path.relative(folder, file).split(path.sep).length - 1;
        writeFileSync(file, edit(text, '../'.repeat(depth) || './'));
    }
}
