import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DefaultTheme } from 'vitepress';
import { docsPages, packagePages } from './pages.ts';
import { root, siteLinkTo } from './site-path.ts';

type Item = DefaultTheme.SidebarItem;

/** In the order of reading. What is in none of them is under "More". */
const chapters: Readonly<Record<string, readonly string[]>> = {
  Use: ['getting-started', 'configuration', 'choosing-a-store', 'testing', 'migration'],
  Run: ['deployment', 'monitoring', 'troubleshooting', 'errors', 'security', 'performance'],
  Understand: ['architecture', 'writing-a-store'],
};

function entry(file: string): Item {
  const title = /^# (.+)$/m.exec(readFileSync(join(root, file), 'utf8'))?.[1] ?? file;
  return { text: title, link: siteLinkTo(file) };
}

/** The front page, every page of docs/, and the README of every package. */
export function sidebar(): Item[] {
  const pages = docsPages();
  const known = Object.values(chapters).flat();
  const all = { ...chapters, More: pages.filter((page) => !known.includes(page)) };
  const docs = Object.entries(all).map(([text, names]) => ({
    text,
    items: names.filter((name) => pages.includes(name)).map((name) => entry(`docs/${name}.md`)),
  }));
  return [
    { text: 'Overview', link: '/' },
    ...docs.filter(({ items }) => items.length > 0),
    { text: 'Packages', items: packagePages().map(entry) },
    { text: 'Contributing', link: siteLinkTo('CONTRIBUTING.md') },
  ];
}
