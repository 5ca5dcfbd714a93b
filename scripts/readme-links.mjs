import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { publicPackages } from './public-packages.mjs';

/** Where the site has a file of the repository: the rules of `site/.vitepress/site-path.ts`. */
function addressOf(file, homepage) {
  if (!file.endsWith('.md')) return `${homepage}/source/${file}.html`;
  if (file === 'README.md') return `${homepage}/overview.html`;
  return `${homepage}/${file.replace(/\/README\.md$/, '/').replace(/\.md$/, '.html')}`;
}

/**
 * The text of a README with whole addresses for the links that are paths in the repository: on a registry's page of the
 * package such a path leads nowhere. Code is left alone.
 */
export function withWholeLinks(text, folder, homepage) {
  const site = homepage.replace(/\/$/, '');
  return text
    .split(/(^```[\s\S]*?^```$|`[^`\n]*`)/gm)
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part.replaceAll(/\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)/g, (_link, path, anchor = '') => {
            return `](${addressOf(posix.join(folder, path), site)}${anchor})`;
          }),
    )
    .join('');
}

/** Writes whole links into the READMEs that are about to be published. @returns what puts them back */
export function writeWholeLinks(homepage) {
  const before = publicPackages().map(({ folder }) => {
    const file = join(folder, 'README.md');
    return { file, text: readFileSync(file, 'utf8'), folder: `packages/${basename(folder)}` };
  });
  for (const { file, text, folder } of before) writeFileSync(file, withWholeLinks(text, folder, homepage));
  return () => {
    for (const { file, text } of before) writeFileSync(file, text);
  };
}
