import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './site-path.ts';

/** The pages of docs/, by name: `errors`. */
export function docsPages(): string[] {
  return readdirSync(join(root, 'docs')).flatMap((file) => (file.endsWith('.md') ? [file.replace(/\.md$/, '')] : []));
}

/** The README files of the packages. */
export function packagePages(): string[] {
  return readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter((file) => existsSync(join(root, file)));
}

/** Every Markdown file that is a page of the site. */
export function allPages(): string[] {
  return ['README.md', 'CONTRIBUTING.md', ...docsPages().map((name) => `docs/${name}.md`), ...packagePages()];
}
