/* What the site's tests share: the site as a host serves it, and pages of a browser that notice
 * what no page may do. */
import assert from 'node:assert/strict';
import {readdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {after, before} from 'node:test';
import {serve} from '../../site/serve.mjs';

export const PROJECT = path.resolve(new URL('../..', import.meta.url).pathname);
export const SITE = path.join(PROJECT, 'build/site');
const require = createRequire(path.join(PROJECT, 'build/web/package.json'));
const {chromium} = require('playwright-core');
const axe = require.resolve('axe-core/axe.min.js');

/* Everything on a busy machine takes its time. */
export const LONG = 10 * 60 * 1000;

/* All files of the site with an ending, as paths from its top. */
export function filesOf(ending) {
    return readdirSync(SITE, {recursive: true}).filter(file => file.endsWith(ending)).sort();
}

/* Serves the site, as the folder `prefix` of a host, while the tests of this file run. */
export function useSite(prefix = '/') {
    const site = {};
    before(async () => {
        Object.assign(site, await serve(SITE, 0, prefix));
        site.browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? 'chromium',
            args: ['--no-sandbox']});
    });
    after(async () => {
        await site.browser?.close();
        site.server?.closeAllConnections();
        site.server?.close();
    });

    /* Opens a page, lets `look` do with it what it wants, and sees that nothing was asked of
     * another host, and that no error was reported. */
    site.visit = async (file, look, options = {}) => {
        const context = await site.browser.newContext({viewport: {width: 1366, height: 768},
            permissions: ['clipboard-read', 'clipboard-write'], ...options});
        const page = await context.newPage(), outside = [], errors = [];
        page.setDefaultTimeout(LONG);
        context.on('request', request => {
            if (!request.url().startsWith(site.address) && !/^(data|blob):/.test(request.url()))
                outside.push(request.url());
        });
        page.on('pageerror', error => errors.push(error.message));
        page.on('console', message => {
            if (message.type() === 'error' || /hydrat/i.test(message.text()))
                errors.push(message.text());
        });
        try {
            await page.goto(site.address + file);
            await look(page);
        } finally {
            await context.close();
        }
        assert.deepEqual(outside, [], 'requests to elsewhere');
        assert.deepEqual(errors, [], 'errors in the page');
    };
    return site;
}

/* What axe finds that is serious or worse, a line each. */
export async function seriousFaults(page) {
    await page.addScriptTag({path: axe});
    const {violations} = await page.evaluate(() => globalThis.axe.run());
    return violations.filter(({impact}) => ['serious', 'critical'].includes(impact))
        .flatMap(({id, nodes}) => nodes.map(({target}) => `${id}: ${target}`));
}
