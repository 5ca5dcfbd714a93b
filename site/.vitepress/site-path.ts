import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../../', import.meta.url));

/** The site's own front page, and the folder of pages that are made of other files. */
const ownPages: Readonly<Record<string, string>> = {
  'site/front/index.md': 'index.md',
  'README.md': 'overview.md',
};

/** Where a file of the repository is on the site: the README of a folder is its index, that of the root the overview. */
export function sitePathOf(file: string): string {
  return (
    ownPages[file] ??
    file
      .replace(/\/README\.md$/, '/index.md')
      .replace(/^site\/(source|changelog)\//, '$1/')
      .replace(/^site\/generated\//, '')
  );
}

/** A link to it, from anywhere on the site. */
export function siteLinkTo(file: string): string {
  if (!file.endsWith('.md')) return `/source/${file}.html`;
  return `/${sitePathOf(file)}`.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '.html');
}
