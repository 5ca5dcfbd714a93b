import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../../', import.meta.url));

/** Where a file of the repository is on the site: a README is the index of its folder. */
export function sitePathOf(file: string): string {
  return file.replace(/(^|\/)README\.md$/, '$1index.md').replace(/^site\/source\//, 'source/');
}

/** A link to it, from anywhere on the site. */
export function siteLinkTo(file: string): string {
  if (!file.endsWith('.md')) return `/source/${file}.html`;
  return `/${sitePathOf(file)}`.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '.html');
}
