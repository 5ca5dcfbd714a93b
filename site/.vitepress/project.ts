import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './site-path.ts';

interface Manifest {
  readonly version?: string;
  readonly homepage?: string;
  readonly repository?: { readonly url: string };
}

const read = (path: string): Manifest => JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest;

const { homepage, repository } = read('package.json');
const { version = '0.0.0' } = read('packages/core/package.json');

/** What the site says of the project: from the package.json of the root, where a publisher sets it once. */
export const project: {
  /** Where the site is published, without a slash at its end. Unknown until it is set. */
  readonly homepage: string | undefined;
  /** The path of that address, for links: `/` or `/sess/`. */
  readonly base: string;
  /** The repository's page. */
  readonly repository: string | undefined;
  readonly version: string;
} = {
  homepage: homepage?.replace(/\/$/, ''),
  base: homepage === undefined ? '/' : `${new URL(homepage).pathname.replace(/\/$/, '')}/`,
  repository: repository?.url.replace(/^git\+/, '').replace(/\.git$/, ''),
  version: version === '0.0.0' ? 'unreleased' : `v${version}`,
};
