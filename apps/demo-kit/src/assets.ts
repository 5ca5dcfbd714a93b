import { readFileSync } from 'node:fs';
import { type Html, html } from './html.ts';
import type { Reply } from './reply.ts';

const types: Readonly<Record<string, string>> = {
  'theme.css': 'text/css; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'controls.css': 'text/css; charset=utf-8',
  'strip.css': 'text/css; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'api.js': 'text/javascript; charset=utf-8',
  'side.js': 'text/javascript; charset=utf-8',
  'strip.js': 'text/javascript; charset=utf-8',
  'summary.js': 'text/javascript; charset=utf-8',
  'tables.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml; charset=utf-8',
};

/** The icon and the styles, in their order: for the head of every page. */
export const pageLinks: Html = html`<link rel="icon" href="/icon.svg" type="image/svg+xml" />
  <link rel="stylesheet" href="/theme.css" />
  <link rel="stylesheet" href="/style.css" />
  <link rel="stylesheet" href="/controls.css" />
  <link rel="stylesheet" href="/strip.css" />`;

const loaded = new Map<string, Buffer>();

/** The page's own files, by the path that a browser asks for. Names come from the list above, never from the path. */
export function asset(path: string): Reply | undefined {
  const name = path.slice(1);
  const type = Object.hasOwn(types, name) ? types[name] : undefined;
  if (type === undefined) return undefined;

  const body = loaded.get(name) ?? readFileSync(new URL(`../public/${name}`, import.meta.url));
  loaded.set(name, body);
  return {
    status: 200,
    headers: { 'Content-Type': type, 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' },
    body,
  };
}
