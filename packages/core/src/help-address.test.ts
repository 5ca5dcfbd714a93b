import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SessError } from './errors.ts';
import { helpOn } from './help-address.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

it('an error leads to its paragraph, where the documentation is published', () => {
  const { homepage } = JSON.parse(read('package.json')) as { homepage?: string };
  const published = homepage?.replace(/\/$/, '');
  expect(new SessError('STORE_FULL', 'There is no room.').help).toBe(helpOn('STORE_FULL', published));
  expect(helpOn('STORE_FULL', 'https://sess.example')).toBe('https://sess.example/docs/errors.html#store_full');
  expect(read('docs/errors.md')).toContain('\n### STORE_FULL\n');
});
