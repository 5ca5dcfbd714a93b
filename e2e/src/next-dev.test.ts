import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTab, startBrowser } from './browser.ts';
import { Visitor, objectIn } from './http-client.ts';
import { type NextApp, startNextApp } from './next-app.ts';
import { submitForm } from './next-form.ts';

/** Nothing is set: neither a secret nor a Redis. Development makes a secret, and keeps files. */
describe('next dev, with Turbopack', { timeout: 120_000 }, () => {
  let app: NextApp;
  beforeAll(async () => {
    app = await startNextApp('dev', {});
  }, 120_000);
  afterAll(() => app.stop());
  const slow = 60_000; // the first to ask for a page waits for its compilation
  const get = (who: Visitor, path: string) => who.get(path, {}, slow);

  test('handlers, pages, actions and the Pages Router know one visitor', async () => {
    const ada = new Visitor(app.url);
    expect((await get(ada, '/api/me')).status).toBe(200);
    expect((await ada.post('/api/login')).setCookies).toEqual([expect.stringMatching(/^sid=[^;]+; (?!.*Secure)/)]);
    expect((await get(ada, '/')).text).toContain('<b id="user">ada</b>');
    const actions = await get(ada, '/actions');
    const counted = await submitForm(ada, `${app.url}/actions`, actions.text, 'count');
    expect(counted.text).toContain('<i id="views">1</i>');
    expect((await get(ada, '/legacy?count')).text).toContain('<i id="views">2</i>');
    expect(objectIn(await get(ada, '/api/legacy/me'))).toEqual({ user: 'ada', views: 2 });
    await expect
      .poll(() => app.output().match(/Session storage initialized: filesystem/g), { timeout: 15_000 })
      .toHaveLength(1);
    expect(app.output()).not.toContain("should not access 'res'");
  });

  test('a page that is forced to be static and reads the session is told so, instead of being everybody\u2019s', async () => {
    const page = await get(new Visitor(app.url), '/forced');
    expect(page.status).toBe(500);
    await expect
      .poll(() => app.output(), { timeout: 15_000 })
      .toContain('readSession() was called on a route that is forced to be static');
  });

  describe('in a browser', () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await startBrowser();
    }, 30_000);
    afterAll(() => browser.close());
    const user = (page: Page): Promise<string> => page.locator('#user').innerText();

    test('what an action stored is on the page without a reload', async () => {
      const { page, complaints, close } = await openTab(browser);
      await page.goto(`${app.url}/actions`, { timeout: slow });
      await page.waitForFunction("document.readyState === 'complete'");
      await page.getByRole('button', { name: 'Count' }).click();
      await page.locator('#views', { hasText: /^1$/ }).waitFor({ timeout: slow });
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      await page.locator('#user', { hasText: 'grace' }).waitFor({ timeout: slow });
      await page.getByRole('button', { name: 'Log in and leave' }).click();
      await page.waitForURL(`${app.url}/`, { timeout: slow });
      expect(await user(page)).toBe('linus');
      expect(complaints).toEqual([]);
      await close();
    });

    test('what a component read can be handed to the browser, and is a plain value there', async () => {
      const { page, complaints, close } = await openTab(browser);
      await page.goto(`${app.url}/static`, { timeout: slow });
      for (let count = 0; count < 2; count += 1)
        expect(await page.evaluate(async () => (await fetch('/api/cart', { method: 'POST' })).status)).toBe(200);
      await page.goto(`${app.url}/cart`, { timeout: slow });
      await page.locator('#cart', { hasText: 'item 1, item 2' }).click();
      await page.locator('#cart', { hasText: 'item 1, item 2, more' }).waitFor({ timeout: slow });
      expect(complaints).toEqual([]);
      await close();
    });
  });
});
