/* The site, as VitePress is to make it of pages/, where site.sh has put the chapters. */
import {readdirSync, readFileSync} from 'node:fs';
import {book} from './book.mjs';
import {colours} from './colours.mjs';
import {licences} from './licences.mjs';
import {makeRelative, PLACE} from './relative.mjs';

const pages = new URL('../pages/', import.meta.url);

function titleOf(file) {
    return readFileSync(new URL(file, pages), 'utf8').match(/^# (.*)/)[1];
}

function filesIn(folder) {
    return readdirSync(new URL(folder, pages)).filter(file => /^[0-9]+.*\.md$/.test(file)).sort();
}

/* The chapters, each with its solutions folded below it. */
function chapters() {
    const solutions = filesIn('chapters/solutions');
    return filesIn('chapters').map(file => {
        const number = file.slice(0, 2);
        const mine = solutions.filter(solution => solution.startsWith(`${number}-`));
        return {
            text: `${+number}. ${titleOf(`chapters/${file}`)}`,
            link: `/chapters/${file.replace('.md', '')}`,
            collapsed: true,
            items: mine.map(solution => ({
                text: `Solution ${+solution.match(/-(\d+)/)[1]}`,
                link: `/chapters/solutions/${solution.replace('.md', '')}`,
            })),
        };
    });
}

const contents = {text: 'Contents', link: '/chapters/README'};
const alive = [{text: 'Watch the allocators', link: '/watch'},
    {text: 'Compare two stages', link: '/compare/'}, {text: 'Boot the kernel', link: '/machine'}];
const inOrder = [contents, ...chapters()];

/* Solutions stand in the sidebar and not on the way from one chapter to the next. */
function neighbours(page) {
    const at = inOrder.findIndex(({link}) => link === `/${page.replace('.md', '')}`);
    return {prev: inOrder[at - 1] ?? false, next: at < 0 ? false : inOrder[at + 1] ?? false};
}

export default {
    title: 'freeram',
    description: 'A teaching kernel for RISC-V, and the book that makes it from an empty folder',
    lang: 'en',
    base: PLACE,
    srcDir: 'pages',
    outDir: process.env.SITE_OUT,
    cacheDir: '.cache',
    head: [['link', {rel: 'icon', href: `${PLACE}icon.svg`, type: 'image/svg+xml'}]],
    markdown: {
        linkify: false,
        attrs: {disable: true},
        theme: colours,
        config: book,
    },
    themeConfig: {
        nav: [{text: 'The book', link: '/chapters/README', activeMatch: '^/chapters/'},
            {text: 'Watch', link: '/watch'}, {text: 'Machine', link: '/machine'}],
        sidebar: [{text: 'The book', items: inOrder}, {text: 'Alive', items: alive}],
        outline: {level: 2, label: 'On this page'},
        search: {provider: 'local'},
        docFooter: {prev: 'Previous', next: 'Next'},
    },
    transformPageData: ({relativePath, frontmatter}) =>
        ({frontmatter: {...neighbours(relativePath), ...frontmatter}}),
    buildEnd: ({outDir}) => makeRelative(outDir),
    vite: {plugins: [licences], build: {chunkSizeWarningLimit: 2000}},
};
