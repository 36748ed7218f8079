#!/usr/bin/env node
/* Serves a folder on this machine, and says where:
 *
 *     node serve.mjs FOLDER [PORT] [PREFIX]
 *
 * PORT 0 is any that is free, and so is 8000 if somebody has it. PREFIX is a folder of the address,
 * /book/ for example, as a host may put the site into one. */
import {createReadStream, statSync} from 'node:fs';
import {createServer} from 'node:http';
import path from 'node:path';

const TYPES = {
    '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css',
    '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png',
    '.woff2': 'font/woff2', '.wasm': 'application/wasm', '.txt': 'text/plain; charset=utf-8',
};

export function serve(folder, port = 8000, prefix = '/') {
    const root = path.resolve(folder);

    /* The file of an address; undefined if it has none, or lies elsewhere. */
    function fileOf(url) {
        const {pathname} = new URL(url, 'http://localhost');
        const name = decodeURIComponent(pathname);
        const file = path.join(root, name.slice(prefix.length),
            name.endsWith('/') ? 'index.html' : '');
        const isInside = name.startsWith(prefix) && file.startsWith(root + path.sep);
        return isInside && statSync(file, {throwIfNoEntry: false})?.isFile() ? file : undefined;
    }

    const server = createServer((request, response) => {
        const file = fileOf(request.url);
        const shown = file ?? path.join(root, '404.html');
        response.writeHead(file ? 200 : 404, {
            'content-type': TYPES[path.extname(shown)] ?? 'application/octet-stream',
            'cache-control': 'no-cache',
        });
        createReadStream(shown).on('error', () => response.end()).pipe(response);
    });
    return new Promise((resolve, reject) => {
        server.once('error', error => error.code === 'EADDRINUSE' && port !== 0 ?
            server.listen(0, 'localhost') : reject(error));
        server.on('listening', () => resolve(
            {server, address: `http://localhost:${server.address().port}${prefix}`}));
        server.listen(port, 'localhost');
    });
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const [folder, port, prefix] = process.argv.slice(2);
    const {address} = await serve(folder, port && +port, prefix);
    console.log(`${address}   (Ctrl-C ends it)`);
}
