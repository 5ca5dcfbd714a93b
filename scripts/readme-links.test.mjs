import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './processes.mjs';
import { publicPackages } from './public-packages.mjs';
import { withWholeLinks } from './readme-links.mjs';

const site = 'https://sess.example/';

test('a link that is a path becomes an address of the site, and code stays as it is', () => {
  const text = [
    'See [core](../core/README.md#the-session), [errors](../../docs/errors.md#store_full), [all](../../README.md),',
    '[source](../core/src/store.ts), [here](#use), [there](https://other.example/x.md) and `[x](y.md)`.',
    '```md',
    '[in code](../core/README.md)',
    '```',
    '[end](../../docs/security.md)',
  ].join('\n');
  expect(withWholeLinks(text, 'packages/redis', site).split('\n')).toEqual([
    'See [core](https://sess.example/packages/core/#the-session), [errors](https://sess.example/docs/errors.html#store_full), [all](https://sess.example/overview.html),',
    '[source](https://sess.example/source/packages/core/src/store.ts.html), [here](#use), [there](https://other.example/x.md) and `[x](y.md)`.',
    '```md',
    '[in code](../core/README.md)',
    '```',
    '[end](https://sess.example/docs/security.html)',
  ]);
});

test.each(publicPackages().map(({ folder }) => basename(folder)))('the links of %s lead to pages', (name) => {
  const folder = `packages/${name}`;
  const text = withWholeLinks(readFileSync(join(root, folder, 'README.md'), 'utf8'), folder, site);
  const prose = text.replaceAll(/^```[\s\S]*?^```$|`[^`\n]*`/gm, '');
  expect(prose).not.toMatch(/\]\((?!https?:|#|mailto:)/);
  const paths = [...prose.matchAll(/\]\(https:\/\/sess\.example\/([^)#]*)/g)].map(([, path]) => path);
  const fileOf = (path) =>
    path
      .replace(/^source\/(.*)\.html$/, '$1')
      .replace(/^overview\.html$/, 'README.md')
      .replace(/\/$/, '/README.md')
      .replace(/\.html$/, '.md');
  expect(paths.filter((path) => !existsSync(join(root, fileOf(path))))).toEqual([]);
});
