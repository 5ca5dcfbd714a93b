import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');

/** The example is a file that is compiled, linted and tested; the page has to show the same. */
it.each(['table-store.ts', 'table-store.test.ts'])(
  'docs/writing-a-store.md shows example/%s as it is',
  async (file) => {
    const source = (await read(`./example/${file}`)).replace("'../index.ts'", "'@sess/store-tests'");
    const page = await read('../../../docs/writing-a-store.md');
    expect(page).toContain(`\`\`\`ts tested-by=packages/store-tests/src/documents.test.ts\n${source}\`\`\``);
  },
);

it('README.md names every file of the suite', async () => {
  const readme = await read('../README.md');
  const index = await read('./index.ts');
  const files = [...index.matchAll(/from '\.\/(.+)\.ts'/g)].map(([, name]) => name ?? '');
  const concerns = files.filter((name) => name !== 'options' && name !== 'suite');
  expect(concerns.length).toBeGreaterThan(10);
  for (const name of concerns) expect(readme).toContain(`\`${name}\``);
});
