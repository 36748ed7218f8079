/* The same files in a folder of some host, as GitHub Pages has them. */
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {useSite} from './browser.mjs';

const site = useSite('/of/some/host/');

test('pages, links, search, allocators and machine work in any folder', async () => {
    await site.visit('chapters/solutions/09-3.html', async page => {
        await page.locator('.VPSidebar a', {hasText: 'Buddy'}).first().click();
        await page.waitForURL(`${site.address}chapters/13-buddy.html`);
        await page.locator('h1', {hasText: 'Buddy'}).waitFor();
        /* A link that has stayed, from another folder than that where it was made. */
        await page.locator('.VPNav a', {hasText: 'Watch'}).first().click();
        await page.waitForURL(new RegExp(`^${site.address}watch.html`));
        await page.locator('.watch[data-ready]').waitFor();
        await page.locator('.VPNav a', {hasText: 'Machine'}).first().click();
        await page.locator('.machine[data-ready]').waitFor();
        await page.locator('.VPNav a', {hasText: 'The book'}).first().click();
        await page.waitForURL(`${site.address}chapters/README.html`);
        await page.keyboard.press('Control+k');
        await page.getByRole('searchbox').fill('Knowlton');
        await page.locator('.results li').first().waitFor();
        await page.keyboard.press('Enter');
        await page.waitForURL(new RegExp(`^${site.address}chapters/`));
        assert.ok((await page.locator('h1').innerText()).length > 0);
    });
});
