import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../.vitepress/site-path.ts';

/** All packages share one version and one list of changes; core's has every entry. */
const released = join(root, 'packages/core/CHANGELOG.md');
const coming = join(root, '.changeset');

function comingChanges(): string {
  const texts = readdirSync(coming)
    .filter((file) => file.endsWith('.md') && file !== 'README.md')
    .map((file) =>
      readFileSync(join(coming, file), 'utf8')
        .replace(/^---[\s\S]*?^---$/m, '')
        .trim(),
    )
    .map((text) => `- ${text.replaceAll('\n', '\n  ')}\n`);
  return texts.length === 0 ? '' : `## Not released yet\n\n${texts.join('\n')}`;
}

function releasedChanges(): string {
  if (!existsSync(released)) return '';
  return readFileSync(released, 'utf8').replace(/^# .*$/m, '');
}

interface ChangelogPage {
  readonly params: { readonly page: string };
  readonly content: string;
}

const loader: { paths(): ChangelogPage[] } = {
  paths: () => [{ params: { page: 'index' }, content: `${comingChanges()}\n${releasedChanges()}` }],
};

export default loader;
