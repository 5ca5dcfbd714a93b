import { readFileSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';

/** A built site: its pages by their path from the root, `docs/errors.html`. */
export function pagesOf(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
  return new Map(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
}

/** Links of the site to pages and anchors of the site that are not there. */
export function deadLinks(pages: ReadonlyMap<string, string>): string[] {
  const anchors = new Map(
    [...pages].map(([page, html]) => [page, new Set([...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id))]),
  );
  return [...pages].flatMap(([page, html]) =>
    [...html.matchAll(/<a\b[^>]* href="([^"]*)"/g)].flatMap(([, href = '']) => {
      if (/^[a-z]+:/.test(href)) return [];
      const [path = '', anchor = ''] = href.split('#');
      const target = path === '' ? page : targetOf(page, path);
      const there = anchors.get(target);
      if (there === undefined) return [`${page}: ${href}`];
      return anchor === '' || there.has(decodeURIComponent(anchor)) ? [] : [`${page}: ${href}`];
    }),
  );
}

function targetOf(page: string, path: string): string {
  const file = path.startsWith('/') ? path.slice(1) : posix.join(posix.dirname(page), path);
  if (/^\.?\/?$/.test(file)) return 'index.html';
  return decodeURIComponent(file.endsWith('/') ? `${file}index.html` : file);
}

/** What a page would load from elsewhere. */
export function loadedFromElsewhere(html: string): string[] {
  return [...html.matchAll(/<(?:script|img|iframe|link)\b[^>]* (?:src|href)="((?:https?:)?\/\/[^"]*)"/g)].map(
    ([, address = '']) => address,
  );
}
