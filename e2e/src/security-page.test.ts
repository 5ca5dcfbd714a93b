import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const page = read('docs/security.md');
/** “the name of a test” in [`file`](../path). */
const named = [...page.matchAll(/“([^”]+)” in \[`[^`]+`\]\(\.\.\/([^)]+)\)/g)].map(([, name = '', file = '']) => ({
  name,
  file,
}));

/** The names of a file's tests, as they are written: in any quotes, and with quotes escaped. */
function testsOf(file: string): string[] {
  const names = /\bit(?:\.each(?:<[^(]*>)?\([^\n]*\))?\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g;
  return [...read(file).matchAll(names)].map(([, single, double]) => (single ?? double ?? '').replaceAll('\\', ''));
}

describe('docs/security.md', () => {
  const rows = [...page.matchAll(/^\| (V[\d., V]+?) +\|.*\| ([^|]+?) +\|$/gm)].map(([, id = '', shown = '']) => ({
    id,
    shown,
  }));

  it('has a row for every requirement on sessions and cookies that a library can meet', () => {
    const ids = rows.flatMap(({ id }) => id.split(', '));
    const seven = ['1.1', '1.2', '2.1', '2.2', '2.3', '2.4', '3.1', '3.2', '4.1', '4.2', '4.3', '4.4', '4.5'];
    const more = ['5.1', '5.2', '5.3', '6.1', '6.2'];
    const cookies = ['1', '2', '3', '4', '5'].map((number) => `V3.3.${number}`);
    expect(ids.toSorted()).toEqual(
      [...[...seven, ...more].map((number) => `V7.${number}`), ...cookies, 'V9.1', 'V9.2'].toSorted(),
    );
  });

  it('says of each what shows it, or that it is the app’s', () => {
    expect(rows.filter(({ shown }) => !/^“.+\)$|^nothing: it is yours$/.test(shown))).toEqual([]);
    expect(rows.filter(({ shown }) => shown.startsWith('nothing')).map(({ id }) => id)).toEqual(['V7.4.4']);
  });

  it('names tests that exist', () => {
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(({ name, file }) => !testsOf(file).includes(name))).toEqual([]);
  });

  it('would be found to name one that does not', () => {
    expect(testsOf('packages/core/src/cookie/token.test.ts')).not.toContain('is not there');
    expect(testsOf('packages/core/src/cookie/token.test.ts')).toContain('does not come from Math.random');
  });
});
