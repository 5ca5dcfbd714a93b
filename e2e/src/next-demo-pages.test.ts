import { rename, rm, writeFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTab, screenshotDirectory, startBrowser } from './browser.ts';
import { Visitor } from './http-client.ts';
import { nextDemo } from './next-demo.ts';
import { startDemo } from './start-demo.ts';
import { startTlsProxy } from './tls-proxy.ts';

describe('Next demo: what only Next.js has', { timeout: 90_000 }, () => {
  let browser: Browser;
  let pictures: string;
  beforeAll(async () => {
    browser = await startBrowser();
    pictures = await screenshotDirectory();
    console.log(`Screenshots: ${pictures}`);
  }, 30_000);
  afterAll(() => browser.close());

  test('a Server Action stores a note, and the page shows it: with JavaScript at once, and without it', async () => {
    const demo = await startDemo(nextDemo, { store: 'fs', workers: 2 });
    try {
      for (const javaScriptEnabled of [true, false]) {
        const { page, complaints, close } = await openTab(browser, { javaScriptEnabled });
        await page.goto(demo.url);
        if (javaScriptEnabled) {
          // Whatever the page's script has changed is still there after React has drawn the page anew.
          await page.getByLabel('Your name').fill('Ada');
          await page.getByRole('button', { name: 'Log in' }).click();
          await page.getByRole('status').filter({ hasText: 'Logged in as Ada' }).waitFor();
        }
        await page.getByLabel('A note for your session').fill('tea & <milk>');
        await page.getByRole('button', { name: 'Remember' }).click();
        await page.locator('#note-text', { hasText: 'tea & <milk>' }).waitFor();
        const state = javaScriptEnabled ? 'Logged in as Ada' : 'Logged out';
        expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(state);
        if (javaScriptEnabled) {
          await page.getByRole('button', { name: 'Refresh 40 times at once' }).click();
          await page.getByRole('status').filter({ hasText: 'every one knew you' }).waitFor();
        }
        await page.screenshot({ path: `${pictures}/note-${javaScriptEnabled}.png`, fullPage: true });
        await page.reload();
        expect(await page.locator('#note-text').innerText()).toBe('tea & <milk>');
        expect(complaints).toEqual([]);
        await close();
      }
    } finally {
      await demo.stop();
    }
  });

  test('a store that is away is told in words, and is no logout', async () => {
    const demo = await startDemo(nextDemo, { store: 'fs', workers: 2 });
    try {
      const { page, close } = await openTab(browser);
      await page.goto(demo.url);
      await page.getByLabel('Your name').fill('Ada');
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByRole('heading', { name: 'Logged in as Ada' }).waitFor();
      await rename(demo.sessionDirectory, `${demo.sessionDirectory}.away`);
      await writeFile(demo.sessionDirectory, '');

      const answer = await page.goto(demo.url);
      expect(answer?.status()).toBe(500);
      await page.getByRole('heading', { name: 'The session store does not answer' }).waitFor();
      expect(await page.locator('main').innerText()).toContain('You have not been logged out');
      await page.screenshot({ path: `${pictures}/away.png`, fullPage: true });

      await rm(demo.sessionDirectory);
      await rename(`${demo.sessionDirectory}.away`, demo.sessionDirectory);
      await page.getByRole('link', { name: 'Back to the demo' }).click();
      await page.getByRole('heading', { name: 'Logged in as Ada' }).waitFor();
      await close();
    } finally {
      await demo.stop();
    }
  });

  test('a page that reads no session is the same file for everybody', async () => {
    const demo = await startDemo(nextDemo, { store: 'fs', workers: 2 });
    try {
      const ada = new Visitor(demo.url);
      await ada.login('Ada');
      const page = await ada.get('/static');
      expect([page.status, page.headers['cache-control'], page.setCookies]).toEqual([200, 's-maxage=31536000', []]);
      expect(page.headers.vary ?? '').not.toMatch(/cookie/i);
      expect((await new Visitor(demo.url).get('/static')).text).toBe(page.text);
    } finally {
      await demo.stop();
    }
  });

  test('over TLS, with the defaults of production: __Host-sid, Secure, and forms without JavaScript', async () => {
    const demo = await startDemo(nextDemo, { store: 'fs', workers: 2, flags: ['--behind-tls'] });
    const proxy = await startTlsProxy(demo.url);
    try {
      for (const javaScriptEnabled of [true, false]) {
        const { page, close } = await openTab(browser, { javaScriptEnabled, ignoreHTTPSErrors: true });
        await page.goto(proxy.url);
        await page.getByLabel('Your name').fill('Ada');
        await page.getByRole('button', { name: 'Log in' }).click();
        for (let index = 0; index < 4; index += 1) {
          await page.getByRole('heading', { name: 'Logged in as Ada' }).waitFor();
          await page.reload();
        }
        const cookies = await page.context().cookies(proxy.url);
        expect(cookies).toMatchObject([
          { name: '__Host-sid', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' },
        ]);
        await page.getByRole('button', { name: 'Log out', exact: true }).click();
        await page.getByRole('heading', { name: 'Logged out' }).waitFor();
        await expect.poll(() => page.context().cookies(proxy.url)).toEqual([]);
        await close();
      }
      const { output } = demo;
      expect(output()).not.toContain('Session cookies are sent over plain http');
    } finally {
      await proxy.close();
      await demo.stop();
    }
  });
});
