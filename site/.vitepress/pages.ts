import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './site-path.ts';

/** The pages of docs/ and its folders, by name: `errors`, `recipes/cart`. */
export function docsPages(): string[] {
  return readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .flatMap((file) => (file.endsWith('.md') ? [file.replace(/\.md$/, '')] : []))
    .toSorted();
}

/** The README files of the packages. */
export function packagePages(): string[] {
  return readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter((file) => existsSync(join(root, file)));
}

/** The pages of the API reference, where they were made (`npm run docs:api`): first the one that leads to the others. */
export function apiPages(): string[] {
  const folder = 'site/generated/api';
  if (!existsSync(join(root, folder))) return [];
  const pages = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).flatMap((file) =>
    file.endsWith('.md') && file !== 'README.md' ? [`${folder}/${file}`] : [],
  );
  return [`${folder}/README.md`, ...pages.toSorted()];
}

/** Pages for those who change the project. */
export const projectPages: readonly string[] = ['CONTRIBUTING.md', 'AGENTS.md', 'SECURITY.md'];

/** Every Markdown file that is a page of the site, but for the front page, the changelog and the sources. */
export function allPages(): string[] {
  return [
    'README.md',
    ...projectPages,
    ...docsPages().map((name) => `docs/${name}.md`),
    ...packagePages(),
    ...apiPages(),
  ];
}
