import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { barriersOn } from './axe.ts';
import { openTab, screenshotDirectory, startBrowser } from './browser.ts';
import { newcomer } from './http-client.ts';
import { type DemoDescription, type RunningDemo, startDemo } from './start-demo.ts';

const desktop = { width: 1200, height: 900 };
const phone = { width: 390, height: 844 };

const state = (page: Page): Promise<string> => page.getByRole('heading', { level: 1 }).innerText();
const cells = (page: Page, kind: 'knew' | 'stranger' | 'nobody' | 'failed'): Promise<number> =>
  page.locator(`#strip .cell.${kind}`).count();

async function logIn(page: Page, user: string): Promise<void> {
  await page.getByLabel('Your name').fill(user);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Presses a button and waits for the sentence that says how it went. */
async function press(page: Page, name: string, outcome: RegExp): Promise<string> {
  await page.getByRole('button', { name, exact: true }).click();
  const message = page.getByRole('status');
  await message.filter({ hasText: outcome }).waitFor();
  return message.innerText();
}

/** Each of 40 answers knows the visitor, until all workers have answered: a busy one may get none of six connections. */
async function refreshUntilAllAnswered(page: Page): Promise<void> {
  let said = '';
  for (let tries = 0; tries < 5 && !said.includes('from 4 workers'); tries += 1) {
    said = await press(page, 'Refresh 40 times at once', /^40 answers/);
    expect(said).toMatch(/: every one knew you\.$/);
  }
  expect(said).toBe('40 answers from 4 workers: every one knew you.');
}

/** What a person does and sees, in Chromium. */
export function testInBrowser(description: DemoDescription, stores: readonly ('fs' | 'redis')[]): void {
  describe(`${description.framework} demo: in a browser`, () => {
    let browser: Browser;
    let pictures: string;
    beforeAll(async () => {
      browser = await startBrowser();
      pictures = await screenshotDirectory();
      console.log(`Screenshots: ${pictures}`);
    }, 30_000);
    afterAll(() => browser.close());

    const picture = (page: Page, name: string): Promise<Buffer> =>
      page.screenshot({ path: `${pictures}/${description.framework}-${name}.png`, fullPage: true });

    /** For people to look at, and for the program that finds what bars some of them from the page. */
    async function look(page: Page, name: string): Promise<void> {
      await picture(page, name);
      expect(await barriersOn(page)).toEqual([]);
    }

    describe.each(stores)('on %s', (store) => {
      let demo: RunningDemo;
      beforeAll(async () => {
        demo = await startDemo(description, { store });
      }, 30_000);
      afterAll(() => demo.stop());

      test('one logs in once, and each of 40 answers knows it', { timeout: 60_000 }, async () => {
        const { page, complaints, close } = await openTab(browser, { viewport: desktop, colorScheme: 'light' });
        await page.goto(demo.url);
        expect(await state(page)).toBe('Logged out');
        expect(await page.locator('.store-name code').innerText()).toBe(store);
        // What stands in a <noscript> is text to a browser with scripts: it must stay hidden.
        expect(await page.locator('body').innerText()).not.toMatch(/<\w|Without JavaScript/);
        await look(page, `${store}-1-logged-out`);

        await logIn(page, 'Ada');
        await page.getByRole('heading', { name: 'Logged in as Ada' }).waitFor();

        await refreshUntilAllAnswered(page);
        expect(await cells(page, 'stranger')).toBe(0);
        expect(await cells(page, 'knew')).toBeGreaterThanOrEqual(41);
        // Beside it the same visitor in the memory of each worker. Which worker answers is for a busy machine to say.
        expect(await page.locator('#memory-strip .cell.stranger').count()).toBeGreaterThan(2);
        expect(await page.locator('#memory-strip .cell.knew').count()).toBeGreaterThan(2);
        await look(page, `${store}-2-refreshed`);

        expect(await press(page, 'Count 40 times at once', /counts on top/)).toBe(
          '40 counts on top of 0: expected 40, seen 40. None lost.',
        );
        expect(await page.locator('#fact-views').innerText()).toBe('40');
        await picture(page, `${store}-3-counted`);

        await page.reload();
        expect(await state(page)).toBe('Logged in as Ada');

        await page.getByRole('button', { name: 'Log out', exact: true }).click();
        await page.getByRole('heading', { name: 'Logged out' }).waitFor();
        expect(complaints).toEqual([]);
        await close();
      });

      test('counting without a login makes one session, and loses nothing', { timeout: 60_000 }, async () => {
        const { page, complaints, close } = await openTab(browser);
        await page.goto(demo.url);
        expect(await press(page, 'Count 40 times at once', /counts on top/)).toBe(
          '40 counts on top of 1: expected 41, seen 41. None lost.',
        );
        expect(complaints).toEqual([]);
        await close();
      });

      test('one sees one\u2019s other session, and revokes it', { timeout: 60_000 }, async () => {
        const grace = newcomer('Grace');
        const laptop = await openTab(browser);
        const mobile = await openTab(browser, { viewport: phone, colorScheme: 'dark' });
        for (const { page } of [laptop, mobile]) {
          await page.goto(demo.url);
          await logIn(page, grace);
          await page.getByRole('heading', { name: `Logged in as ${grace}` }).waitFor();
        }
        await laptop.page.getByRole('button', { name: 'Refresh once' }).click();
        await laptop.page
          .getByRole('rowheader', { name: /Chrome on Linux/ })
          .nth(1)
          .waitFor();
        await laptop.page.getByRole('button', { name: /^Revoke Chrome on Linux, session/ }).click();
        await laptop.page.getByRole('status').filter({ hasText: 'That session has ended' }).waitFor();
        expect(await laptop.page.getByRole('button', { name: /^Revoke Chrome on Linux, session/ }).count()).toBe(0);

        const outcome = await press(mobile.page, 'Refresh 40 times at once', /^40 answers/);
        expect(outcome).toBe(
          '40 answers from 4 workers: 0 knew you, 40 did not. Your session has ended: every worker agrees.',
        );
        expect(await state(mobile.page)).toBe('Logged out');
        expect([...laptop.complaints, ...mobile.complaints]).toEqual([]);
        await laptop.close();
        await mobile.close();
      });

      test('log out everywhere in one browser ends the session of the other', { timeout: 60_000 }, async () => {
        const barbara = newcomer('Barbara');
        const laptop = await openTab(browser);
        const mobile = await openTab(browser, { viewport: phone, colorScheme: 'dark' });
        for (const { page } of [laptop, mobile]) {
          await page.goto(demo.url);
          await logIn(page, barbara);
          await page.getByRole('heading', { name: `Logged in as ${barbara}` }).waitFor();
        }
        await look(mobile.page, `${store}-4-phone-dark`);
        expect(await press(mobile.page, 'Log out everywhere', /^Logged out/)).toBe('Logged out, and 1 more with it.');
        await laptop.page.reload();
        expect(await state(laptop.page)).toBe('Logged out');
        expect([...laptop.complaints, ...mobile.complaints]).toEqual([]);
        await laptop.close();
        await mobile.close();
      });

      test('without JavaScript one logs in and out with forms', { timeout: 60_000 }, async () => {
        const { page, close } = await openTab(browser, { javaScriptEnabled: false });
        await page.goto(demo.url);
        await logIn(page, 'Edsger <b>');
        for (let index = 0; index < 8; index += 1) {
          await page.goto(demo.url);
          expect(await state(page)).toBe('Logged in as Edsger <b>');
        }
        await page.getByRole('heading', { name: 'Without JavaScript' }).waitFor();
        expect(await page.getByRole('button', { name: 'Refresh once' }).count()).toBe(0);
        await picture(page, `${store}-5-no-script`);
        await page.getByRole('button', { name: 'Log out everywhere' }).click();
        expect(await state(page)).toBe('Logged out');

        await logIn(page, 'Edsger');
        await page.getByRole('button', { name: 'Log out', exact: true }).click();
        expect(await state(page)).toBe('Logged out');
        await close();
      });

      test('the page works with the keyboard alone, and fits a narrow phone', { timeout: 60_000 }, async () => {
        const { page, complaints, close } = await openTab(browser, { viewport: { width: 360, height: 740 } });
        await page.goto(demo.url);
        // The script draws it when it is there; before, Enter would send the form as without a script.
        await page.locator('#strip .cell.nobody').waitFor();
        await page.keyboard.press('Tab');
        await page.keyboard.type('Alan');
        await page.keyboard.press('Enter');
        await page.getByRole('status').filter({ hasText: 'Logged in as Alan' }).waitFor();
        // The focus is where one goes on.
        await page.keyboard.press('Enter');
        await page.getByRole('status').filter({ hasText: 'every one knew you' }).waitFor();
        const box = await page.locator('html').evaluate((html) => [html.scrollWidth, html.clientWidth]);
        expect(box[0]).toBe(box[1]);
        expect(complaints).toEqual([]);
        await close();
      });
    });

    test('control: in the memory of each worker it flickers, and counts are lost', { timeout: 60_000 }, async () => {
      const demo = await startDemo(description, { store: 'memory' });
      try {
        const { page, complaints, close } = await openTab(browser, { viewport: desktop, colorScheme: 'dark' });
        await page.goto(demo.url);
        await logIn(page, 'Ada');
        await page.getByRole('status').filter({ hasText: 'Logged in as Ada' }).waitFor();
        await press(page, 'Refresh 40 times at once', /^40 answers from 4 workers: \d+ knew you, \d+ did not\.$/);
        // Which worker gets a connection is for a busy machine to say: of each kind there are some.
        expect(await cells(page, 'stranger')).toBeGreaterThan(2);
        expect(await cells(page, 'knew')).toBeGreaterThan(2);
        await look(page, 'memory-1-flickers');
        expect(await press(page, 'Count 40 times at once', /counts on top/)).toMatch(/[1-9]\d* lost\./);
        await picture(page, 'memory-2-counted');
        expect(complaints).toEqual([]);
        await close();
      } finally {
        await demo.stop();
      }
    });

    test('when the server is gone the page says so in words', { timeout: 60_000 }, async () => {
      const demo = await startDemo(description, { store: 'fs' });
      const { page, close } = await openTab(browser, { viewport: phone });
      await page.goto(demo.url);
      await logIn(page, 'Ada');
      await page.getByRole('heading', { name: 'Logged in as Ada' }).waitFor();
      // Where a load of its own fails, Next.js leaves the page.
      await page.waitForLoadState('networkidle');
      await demo.stop();
      expect(await press(page, 'Refresh 40 times at once', /40 failed/)).toContain('The server did not answer');
      // Nobody could look, so nobody is told that they are logged out.
      expect(await state(page)).toBe('Logged in as Ada');
      await picture(page, 'fs-6-server-gone');
      await close();
    });
  });
}
