import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The rules whose answer is another one in other colours or on another screen. */
const ofLooks = ['color-contrast', 'link-in-text-block', 'scrollable-region-focusable', 'target-size'];

/** What to look at, and which rules to ask: all of them take seconds on a long page. */
export interface Barriers {
  readonly within?: string;
  readonly rules?: 'all' | 'of looks';
}

/** What bars people with impairments from a page as it stands: names that are missing, contrast that is too low. */
export async function barriersOn(page: Page, { within, rules = 'all' }: Barriers = {}): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  const options: RunOptions = {
    resultTypes: ['violations'],
    // Style sheets would be fetched once more, for rules that look at frames and at turned screens.
    preload: false,
    ...(rules === 'all' ? {} : { runOnly: { type: 'rule', values: ofLooks } }),
  };
  const { violations } = await page.evaluate<AxeResults>(
    `axe.run(${within === undefined ? 'document' : JSON.stringify(within)}, ${JSON.stringify(options)})`,
  );
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}
