/* Pages of sources: of each file that a chapter links to; of what the book has made so far, after
 * each chapter a list of the kernel's files, and each file as it then is, with what has come in
 * that chapter marked; and pages that compare two stages.
 *
 *     node site/trees.mjs TREES PAGES [STAGE]...
 *
 * TREES/09 is what `run.sh chapter 9` writes. PAGES gets FILE.md, after/09/index.md,
 * after/09/FILE.md for each file that is new or changed in chapter 9, and compare/ONE-OTHER.md. */
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {languageOf} from './.vitepress/book.mjs';

const [trees, pages, ...stages] = process.argv.slice(2);

function write(file, text) {
    mkdirSync(path.dirname(path.join(pages, file)), {recursive: true});
    writeFileSync(path.join(pages, file), text);
}

function filesIn(folder) {
    return readdirSync(folder, {recursive: true, withFileTypes: true})
        .filter(entry => entry.isFile())
        .map(entry => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
        .sort();
}

/* diff(1)'s answer, without the lines that name the files. */
function diff(context, one, other) {
    const {status, stdout, stderr} = spawnSync('diff', [`-U${context}`, one, other],
        {encoding: 'utf8', maxBuffer: 1 << 26});
    if (status > 1)
        throw new Error(`diff: ${stderr}`);
    return stdout.split('\n').slice(2, -1);
}

const linesIn = text => text.split('\n').length - 1;

/* ---- after each chapter ---- */

const chapters = readdirSync(trees).sort().map(number => {
    const name = readdirSync(path.join(pages, 'chapters')).find(file => file.startsWith(number));
    const title = readFileSync(path.join(pages, 'chapters', name), 'utf8').match(/^# (.*)/)[1];
    return {number, name, title, folder: path.join(trees, number)};
});

/* Of the second of two files, the lines that the first has not: "3-7,12". */
function newLines(before, after) {
    return diff(0, before, after).flatMap(line => {
        const [, at, count = '1'] = line.match(/^@@ -\S+ \+(\d+)(?:,(\d+))? @@/) ?? [];
        return at && +count ? [+count === 1 ? at : `${at}-${+at + +count - 1}`] : [];
    }).join(',');
}

/* It must not be read as Vue's template, and no fence may end early. */
function block(file, marked, text) {
    return `~~~~~~${languageOf(file)}${marked && `{${marked}}`}\n${text}~~~~~~\n`;
}

function filePage(chapter, file, text, before) {
    const marked = before ? newLines(path.join(before.folder, file),
        path.join(chapter.folder, file)) : '';
    const up = '../'.repeat(file.split('/').length + 1);
    return `---\nsearch: false\n---

# ${file}

As it is after chapter ${+chapter.number}, [${chapter.title}](${up}chapters/${chapter.name}).
${marked && 'Lines that came in it are marked.'} All of the kernel then:
[its files](${up}after/${chapter.number}/index.md).

${block(file, marked, text)}`;
}

/* seen: for each file, its text and the chapter that has its page. */
const seen = new Map();

chapters.forEach((chapter, at) => {
    const before = chapters[at - 1];
    const rows = filesIn(chapter.folder).map(file => {
        const text = readFileSync(path.join(chapter.folder, file), 'utf8'), was = seen.get(file);
        if (was?.text !== text) {
            seen.set(file, {text, number: chapter.number});
            write(`after/${chapter.number}/${file}.md`,
                filePage(chapter, file, text, was && before));
        }
        const what = !was ? 'new' : was.text === text ? '' : 'changed';
        return `| [${file}](../${seen.get(file).number}/${file}.md) | ${linesIn(text)} | ${what} |`;
    });
    write(`after/${chapter.number}/index.md`, `---\nsearch: false\n---

# The kernel after chapter ${+chapter.number}

What stands in your folder when [${chapter.title}](../../chapters/${chapter.name}) is done, with the
programs that you tried. In the repository \`./run.sh chapter ${+chapter.number}\` writes the same;
here it is as an archive: <a href="./freeram-${chapter.number}.tar.gz" target="_self"
download>freeram-${chapter.number}.tar.gz</a>.${+chapter.number < 3 ? '' : ' Or ' +
    `[boot it](../../machine.md?kernel=book/after-${chapter.number}) in a page.`}

| file | lines | in this chapter |
| --- | ---: | --- |
${rows.join('\n')}
`);
});

/* ---- what the chapters link to ---- */

const linksIn = text => [...text.matchAll(/\]\(\.\.\/([^)#]+)\)/g)].map(([, file]) => file);
const links = chapters.flatMap(({name}) =>
    linksIn(readFileSync(path.join(pages, 'chapters', name), 'utf8')));
for (const file of new Set(links)) {
    if (!existsSync(file))
        throw new Error(`a chapter links to ${file}, which is not there`);
    write(`${file}.md`,
        `# ${path.basename(file)}\n\n${block(file, '', readFileSync(file, 'utf8'))}`);
}

/* ---- two stages ---- */

function comparison(one, other) {
    const sides = diff(1000000, `alloc/${one}.c`, `alloc/${other}.c`).slice(1);
    const [gone, come] = ['-', '+'].map(sign => sides.filter(line => line[0] === sign).length);
    return `---\nlayout: page\nsidebar: false\nsearch: false\ntitle: From ${one} to ${other}\n---

<div class="alive vp-doc">

# From ${one} to ${other}

${gone} lines of \`${one}.c\` go, ${come} come, and ${sides.length - gone - come} stay. \`./run.sh
diff ${one} ${other}\` prints the same as a diff. [Other pairs](./index.md)

~~~~~~compare [${one}.c ${other}.c]
${sides.join('\n')}
~~~~~~

</div>
`;
}

function contentsOfComparisons() {
    const row = (one, at) => `| **${one}** | ${stages.map((other, to) => at < to ?
        `[${one} to ${other}](./${one}-${other}.md)` : '').slice(1).join(' | ')} |`;
    return `# Two stages, side by side

Each stage mends what the one before could not do. Choose any two: what goes stands on the left,
what comes on the right.

| | ${stages.slice(1).join(' | ')} |
| --- |${' --- |'.repeat(stages.length - 1)}
${stages.slice(0, -1).map(row).join('\n')}
`;
}

stages.forEach((one, at) => {
    for (const other of stages.slice(at + 1))
        write(`compare/${one}-${other}.md`, comparison(one, other));
});
write('compare/index.md', contentsOfComparisons());
