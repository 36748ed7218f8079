/* The licences of all packages whose code is in the pages, as licences.txt: a plugin for Vite,
 * which knows what it has put in. */
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';

function packageOf(id) {
    return id.match(/^\0?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1];
}

/* Where fonts and the like are from, which CSS names and which are no modules. */
function sourcesOf(bundle) {
    return Object.values(bundle).flatMap(({originalFileNames}) => originalFileNames ?? [])
        .map(file => path.resolve('pages', file));
}

function licenceOf(folder) {
    const {name, version, license, author} =
        JSON.parse(readFileSync(path.join(folder, 'package.json')));
    const file = readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry));
    /* Some packages only name it. */
    const text = file ? readFileSync(path.join(folder, file), 'utf8').trim() :
        `${license}. Copyright (c) ${author?.name ?? author ?? `the authors of ${name}`}`;
    return `${name} ${version}\n\n${text}\n`;
}

export const licences = {
    name: 'licences',
    apply: 'build',
    generateBundle(options, bundle) {
        const folders = new Set([...this.getModuleIds(), ...sourcesOf(bundle)].map(packageOf)
            .filter(Boolean));
        this.emitFile({type: 'asset', fileName: 'licences.txt',
            source: [...folders].sort().map(licenceOf).join(`\n${'-'.repeat(80)}\n\n`)});
    },
};
