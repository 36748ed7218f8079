/* The whole book as one text for pandoc: how to read it, the chapters, and behind them all
 * solutions.
 *
 *     node site/whole.mjs >book.md
 *
 * Links between chapters lead within the book. What a chapter links to in the repository is not in
 * it, and only named. */
import {readdirSync, readFileSync} from 'node:fs';

const placeOf = file => `part-${file.replace(/\.md$/, '')}`;

/* What is not in a block is changed by `edit`; a block keeps its language, and loses what is said
 * behind that. */
function outsideBlocks(text, edit) {
    return text.split(/(^```[^]*?^```\n)/m).map(part => part.startsWith('```') ?
        part.replace(/^```(\S*).*/, '```$1') : edit(part)).join('');
}

function linksWithin(text, isSolution) {
    return text.replace(/\[([^\]]*)\]\(([^)\s]+)\)/g, (all, name, target) => {
        if (/^https?:/.test(target))
            return all;
        const [, folder, file] = target.match(/^(solutions\/|\.\.\/)?(\d\d-[^/#]+\.md)/) ?? [];
        return !file ? name : `[${name}](#${placeOf(isSolution || folder === 'solutions/' ?
            file.replace(/^(\d\d-\d\.md)$/, 'solution-$1') : file)})`;
    });
}

/* Without its last line, which links to its neighbours. */
function textOf(file) {
    return readFileSync(`chapters/${file}`, 'utf8').replace(/\n\[(Contents|←)[^\n]*\n*$/, '\n');
}

/* A chapter's title gets a name to link to. */
function chapter(file) {
    return outsideBlocks(textOf(file), part => linksWithin(part, false))
        .replace(/^# (.*)/, `# $1 {#${placeOf(file)}}`);
}

/* A solution is one level below its title "Solutions". */
function solution(file) {
    return outsideBlocks(textOf(`solutions/${file}`),
        part => linksWithin(part, true).replace(/^#/gm, '##'))
        .replace(/^## (.*)/, `## $1 {#${placeOf(`solution-${file}`)}}`);
}

function howToRead() {
    const [, text] = readFileSync('chapters/README.md', 'utf8')
        .match(/^## (How to read it\n[^]*?)^## /m);
    return `# ${linksWithin(text, false)}`.replace('\n', ' {.unnumbered}\n');
}

const partsOf = folder => readdirSync(folder).filter(file => /^\d\d-.*\.md$/.test(file)).sort();

console.log([howToRead(), ...partsOf('chapters').map(chapter), '# Solutions {.unnumbered}\n',
    ...partsOf('chapters/solutions').map(solution)].join('\n'));
