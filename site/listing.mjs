/* The sources of alloc/, for the page Watch to show beside its picture: each line coloured, and how
 * often it ran, as sums of the counters of a module that counts (watch/counted.c).
 *
 *     clang ... -fcoverage-mapping -Xclang -dump-coverage-mapping >MAPPING
 *     node site/listing.mjs FOLDER MODULE.wasm MAPPING >FILE.json
 *
 * FILE.json is {files: {'alloc/tree.c': {lines, counts}}}: lines of HTML; and by its number, for
 * each line that can run, sums [counter, factor, ...]. The largest is how often the line ran
 * (watch/counts.mjs).
 *
 * Why so: clang counts as few pieces as it can, and knows the others as sums and differences of
 * these. Of all that knows which (llvm-cov, which wants a profile from disk; gcov's notes, which
 * need a solver; -fsanitize-coverage, which has no lines after -O2) clang's own dump is the only
 * text. It comes of the compilation that makes the module, and its form is that of clang's tests,
 * the same from clang 14 to 22. Lines are counted as llvm-cov counts them: a test compares. */
import {createHash} from 'node:crypto';
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {createMarkdownRenderer} from 'vitepress';
import {colourPart} from './.vitepress/book.mjs';
import {colours} from './.vitepress/colours.mjs';

const [folder, moduleFile, mappingFile] = process.argv.slice(2);

const sources = new Map(['alloc', 'site/watch'].flatMap(room =>
    readdirSync(path.join(folder, room)).filter(file => /\.[ch]$/.test(file))
        .map(file => [`${room}/${file}`, readFileSync(path.join(folder, room, file), 'utf8')])));

/* ---- what clang says ---- */

/* "((#0 + #2) - #3)" as [0, 1, 2, 1, 3, -1], the counters from `first` on. */
function sumOf(expression, first) {
    const sum = [], outside = [1];
    let sign = 1;
    for (const token of expression.match(/#\d+|[-+()]/g) ?? []) {
        if (token === '(')
            outside.push(sign);
        else if (token === ')')
            outside.pop();
        else if (token === '+' || token === '-')
            sign = token === '+' ? outside.at(-1) : -outside.at(-1);
        else
            sum.push(first + Number(token.slice(1)), sign);
    }
    return sum;
}

/* A function's name, with a colon behind it, and a line for each region:
 *
 *     tree.c:free_page:
 *       File 0, 297:76 -> 303:2 = #0
 *       Gap,File 0, 299:35 -> 300:9 = #1
 *
 * File 0 is the one that the function stands in. Others are what macros are made of: what these do
 * is counted where they are used, which is an Expansion. */
function functionsIn(mapping) {
    return mapping.split(/^(?=\S)/m).map(block => {
        const [heading, ...lines] = block.trimEnd().split('\n');
        const regions = lines.map(line => line.match(
            /^  (?:(\w+),)?File 0, (\d+):(\d+) -> (\d+):(\d+) = ([^,]*?)(?: \(Expanded.*)?$/))
            .filter(Boolean).map(([, kind = 'Code', ...rest]) => ({kind,
                place: rest.slice(0, 4).map(Number), expression: rest[4]}));
        return {name: heading.slice(0, -1), regions};
    });
}

/* ---- which function that is ---- */

/* Where each function's counters begin among those of the module, by the hash of its name. With it
 * begins the function's record; then come a hash of its body, and how far it is from the record to
 * the counters. A record has more, of which each clang has its own, so that it is found by looking:
 * what is no hash of a name is never asked for. */
async function firstCounters() {
    const {instance} = await WebAssembly.instantiate(readFileSync(moduleFile), {});
    const wasm = instance.exports, memory = new DataView(wasm.memory.buffer), first = new Map();
    for (let at = wasm.functions_at(); at < wasm.functions_end(); at += 8)
        first.set(memory.getBigUint64(at, true),
            (at + memory.getInt32(at + 16, true) - wasm.counters_at()) / 8);
    return first;
}

function hashOf(name) {
    return createHash('md5').update(name).digest().readBigUInt64LE();
}

function offsetOf(text, line, column) {
    return text.split('\n').slice(0, line - 1).join('\n').length + (line > 1) + column - 1;
}

/* The file that has a function's body at this place. A static one is named after the file that is
 * compiled: it stands there, or in a header. */
function fileOf({name, regions}) {
    const [, compiled, word] = name.match(/^(?:(.*)[:;])?(\w+)$/);
    const [line, column, lastLine, lastColumn] = regions[0].place;
    const found = [...sources].filter(([file, text]) => {
        const begin = offsetOf(text, line, column), end = offsetOf(text, lastLine, lastColumn);
        return (!compiled || file.endsWith('.h') ||
                path.basename(file) === path.basename(compiled)) &&
            text[begin] === '{' && text[end - 1] === '}' &&
            new RegExp(`\\b${word}\\([^{};]*\\)\\s*$`).test(text.slice(0, begin));
    });
    if (found.length !== 1)
        throw new Error(`${name} at ${line}:${column} is in ${found.length} files`);
    return found[0][0];
}

/* ---- lines ---- */

/* The regions of each file, by place, the outer before the inner. What an inline function counts is
 * counted anew in each file that has it: the sums become one. */
async function regionsOfFiles() {
    const first = await firstCounters(), files = new Map();
    for (const each of functionsIn(readFileSync(mappingFile, 'utf8'))) {
        const file = fileOf(each), from = first.get(hashOf(each.name));
        if (!files.has(file))
            files.set(file, new Map());
        for (const {kind, place, expression} of each.regions) {
            /* Other kinds tell of parts of conditions; what is empty is a macro's. */
            const isEmpty = place[0] === place[2] && place[1] === place[3];
            if (kind !== 'Skipped' && (isEmpty || !['Code', 'Expansion', 'Gap'].includes(kind)))
                continue;
            const regions = files.get(file), key = `${kind} ${place}`;
            const sum = sumOf(expression, from);
            if (sum.some(Number.isNaN))
                throw new Error(`${each.name} counts, and is not in the module`);
            if (!regions.has(key))
                regions.set(key, {kind, place, sum: []});
            regions.get(key).sum.push(...sum);
        }
    }
    return new Map([...files].map(([file, regions]) => [file, [...regions.values()].sort(
        ({place: a}, {place: b}) => a[0] - b[0] || a[1] - b[1] || b[2] - a[2] || b[3] - a[3])]));
}

/* What can have run on a line: what begins there, and what goes on from the line before. In a Gap,
 * the space before a statement, nothing begins; what is Skipped, a comment or an empty line, is in
 * the way of what goes on. */
function sumsOf(regions, line) {
    const begin = regions.filter(({place}) => place[0] === line);
    const isCode = ({kind}) => kind === 'Code' || kind === 'Expansion';
    const around = begin[0]?.kind === 'Skipped' ? [] :
        regions.filter(({place}) => place[0] < line && place[2] >= line).slice(-1);
    const sums = [...begin.filter(isCode), ...around.filter(({kind}) => kind !== 'Skipped')]
        .map(({sum}) => JSON.stringify(sum));
    return [...new Set(sums)].map(sum => JSON.parse(sum));
}

const {options: {highlight}} = await createMarkdownRenderer(folder, {theme: colours});
const files = {};
for (const [file, regions] of await regionsOfFiles()) {
    if (!file.startsWith('alloc/'))
        continue;
    const text = sources.get(file).trimEnd(), counts = {};
    const lines = colourPart(highlight, text, 'c').slice(0, text.split('\n').length);
    lines.forEach((_, at) => {
        const sums = sumsOf(regions, at + 1);
        if (sums.length > 0)
            counts[at + 1] = sums;
    });
    files[file] = {lines, counts};
}
console.log(JSON.stringify({files}));
