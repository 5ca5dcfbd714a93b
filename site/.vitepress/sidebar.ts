import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DefaultTheme } from 'vitepress';
import { apiPages, docsPages, packagePages, projectPages } from './pages.ts';
import { root, siteLinkTo } from './site-path.ts';

type Item = DefaultTheme.SidebarItem;

/** In the order of reading. */
const chapters: Readonly<Record<string, readonly string[]>> = {
  Use: ['getting-started', 'configuration', 'choosing-a-store', 'live-connections', 'testing', 'migration'],
  Run: ['deployment', 'monitoring', 'troubleshooting', 'errors', 'security', 'reliability', 'performance'],
  Understand: ['architecture', 'writing-a-store'],
};

/** Folders of docs/ whose pages are a chapter. What is in no chapter is under "More". */
const folders: Readonly<Record<string, string>> = { recipes: 'Recipes', frameworks: 'Frameworks' };

function entry(file: string): Item {
  const title = /^# (.+)$/m.exec(readFileSync(join(root, file), 'utf8'))?.[1] ?? file;
  return { text: title, link: siteLinkTo(file) };
}

function chapter(text: string, files: readonly string[]): Item[] {
  return files.length === 0 ? [] : [{ text, items: files.map(entry) }];
}

/** The overview, every page of docs/, the README of every package, and the pages for contributors. */
export function sidebar(): Item[] {
  const pages = docsPages();
  const files = (names: readonly string[]): string[] =>
    names.filter((name) => pages.includes(name)).map((name) => `docs/${name}.md`);
  // A folder's own page leads to the others, so it is first.
  const inFolder = (folder: string): string[] =>
    pages
      .filter((page) => page.startsWith(`${folder}/`))
      .toSorted((a, b) => Number(b.endsWith('/index')) - Number(a.endsWith('/index')));
  const known = [...Object.values(chapters).flat(), ...Object.keys(folders).flatMap(inFolder)];
  const [use = [], ...others] = Object.entries(chapters).map(([text, names]) => chapter(text, files(names)));
  return [
    { text: 'Overview', link: siteLinkTo('README.md') },
    ...use,
    ...Object.entries(folders).flatMap(([folder, text]) => chapter(text, files(inFolder(folder)))),
    ...others.flat(),
    ...chapter('More', files(pages.filter((page) => !known.includes(page)))),
    ...chapter('Packages', packagePages()),
    ...chapter('API', apiPages()),
    { text: 'Project', items: [{ text: 'Changelog', link: '/changelog/' }, ...projectPages.map(entry)] },
  ];
}
