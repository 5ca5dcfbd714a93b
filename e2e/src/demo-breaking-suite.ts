import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTab, startBrowser } from './browser.ts';
import { objectIn, send } from './http-client.ts';
import { type DemoDescription, type RunningDemo, startDemo } from './start-demo.ts';

/** The answers that a row shows, oldest first. */
const answersIn = (page: Page, row: string): Promise<string[]> =>
  page
    .locator(`#${row} .cell:not(.empty)`)
    .evaluateAll((cells) => cells.map((cell) => cell.className.split(' ')[1] ?? ''));

/** What the page's buttons break, and what visitors see meanwhile. */
export function testBreaking(description: DemoDescription, store: 'fs' | 'redis'): void {
  describe(`${description.framework} demo on ${store}: what its page breaks`, { timeout: 90_000 }, () => {
    let browser: Browser;
    let demo: RunningDemo;
    beforeAll(async () => {
      browser = await startBrowser();
      demo = await startDemo(description, { store });
    }, 60_000);
    afterAll(async () => {
      await browser.close();
      await demo.stop();
    });

    /** Logs in, presses a button, and waits for what the page makes of it. */
    async function afterPressing(name: string): Promise<{ page: Page; sentence: string; close(): Promise<void> }> {
      const { page, close } = await openTab(browser);
      await page.goto(demo.url);
      // The script draws it when it is there; before, the button would send the form as without a script.
      await page.locator('#strip .cell.nobody').waitFor();
      await page.getByRole('button', { name: 'Log in' }).click();
      const status = page.getByRole('status');
      await status.filter({ hasText: 'Logged in as Ada' }).waitFor();
      await page.getByRole('button', { name }).click();
      await status.filter({ hasText: / answers from |failed: / }).waitFor({ timeout: 40_000 });
      return { page, sentence: await status.innerText(), close };
    }

    test('a worker that is killed takes its memory along; the store still knows everybody', async () => {
      const { page, sentence, close } = await afterPressing('Kill a worker');
      expect(sentence).toMatch(/^Worker \d was killed, and another took its place\..* Nobody was logged out\.$/);
      expect(await answersIn(page, 'strip')).not.toContain('stranger');
      await page.getByRole('button', { name: 'Refresh 40 times at once' }).click();
      await page.getByRole('status').filter({ hasText: 'every one knew you' }).waitFor({ timeout: 30_000 });
      // The one that held the login is gone, so none of the others ever knew.
      expect((await answersIn(page, 'memory-strip')).slice(-30)).not.toContain('knew');
      await close();
    });

    test('a worker that is to kill itself answers first', async () => {
      const alone = await startDemo(description, { store: 'fs', workers: 1 });
      try {
        const answer = await send(`${alone.url}/demo/kill?worker=1`, { method: 'POST' });
        expect([answer.status, objectIn(answer)]).toEqual([202, { worker: 1 }]);
        await expect.poll(() => alone.output(), { timeout: 15_000 }).toContain('died: SIGKILL');
      } finally {
        await alone.stop();
      }
    });

    test('while the store is away there are errors, and nobody is taken for logged out', async () => {
      const { page, sentence, close } = await afterPressing('Stop the store for 4 s');
      expect(sentence).toMatch(/^No worker reached the store for 4 s\. .* failed: .* Nobody was logged out\.$/);
      const answers = await answersIn(page, 'strip');
      expect(answers.filter((kind) => kind === 'failed').length).toBeGreaterThan(5);
      expect(answers).not.toContain('stranger');
      expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Logged in as Ada');
      await close();
    });
  });
}
