import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { fixture } from './next-app.ts';

const demo = fileURLToPath(new URL('../../apps/next-demo/', import.meta.url));

/** A text that only this package has, and where it has it. */
const marks = [
  {
    name: 'ioredis',
    where: join(fixture, 'node_modules/ioredis/built/errors'),
    text: 'Reached the max retries per request limit',
  },
  {
    name: 'proper-lockfile',
    where: join(fixture, 'node_modules/proper-lockfile/lib'),
    text: 'Lock file is already being held',
  },
  { name: '@sess/core', where: join(fixture, '.next/server'), text: 'The session could not be opened.' },
];

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const withText = (folder: string, text: string): string[] =>
  filesBelow(folder).filter((file) => readFileSync(file).includes(text));

describe('what a browser is sent', () => {
  test.each(marks)('has nothing of $name, from Turbopack', ({ text }) => {
    const sent = join(demo, '.next/static');
    expect(filesBelow(sent).filter((file) => file.endsWith('.js')).length).toBeGreaterThan(5);
    expect(withText(sent, text)).toEqual([]);
  });

  test.each(marks)(
    'has nothing of $name, from webpack: no page but the control asks for such a file',
    ({ name, text }) => {
      const sent = join(fixture, '.next/static');
      const lists = filesBelow(join(fixture, '.next')).filter((file) => /manifest\.js(on)?$/.test(file));
      const listing = (file: string): string[] =>
        lists.filter((list) => readFileSync(list).includes(file.slice(file.lastIndexOf('/') + 1)));
      const found = withText(sent, text);
      const askedFor = [...new Set(found.flatMap(listing))].filter((list) => !/\/control\//.test(list));
      expect(askedFor).toEqual([]);
      // Control: where a page does bring them to the browser, they are found, and so is the page.
      expect(found.flatMap(listing).length > 0).toBe(name !== '@sess/core');
    },
  );

  test.each(marks)('and the text that is looked for is one of $name', ({ where, text }) => {
    expect(withText(where, text).length).toBeGreaterThan(0);
  });
});
