import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { allPages } from '../.vitepress/pages.ts';
import { root } from '../.vitepress/site-path.ts';

/** The files of the source that the pages link to, each as a page. */
function linkedFiles(): string[] {
  const files = allPages().flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');
    return [...text.matchAll(/(?<!!\[[^\]]*)\]\((?![a-z]+:|#)([^)\s#]+)/g)].map(([, link = '']) =>
      posix.join(posix.dirname(page), link),
    );
  });
  return [...new Set(files)].filter((file) => !file.endsWith('.md'));
}

const fence = '````';

function content(file: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  const language = /\.(m?ts|m?js|json)$/.exec(file)?.[1]?.replace(/^m/, '') ?? 'txt';
  return `${fence}${language}\n${text}${fence}\n`;
}

interface SourcePage {
  readonly params: { readonly file: string };
  readonly content: string;
}

const loader: { paths(): SourcePage[] } = {
  paths: () => linkedFiles().map((file) => ({ params: { file }, content: content(file) })),
};

export default loader;
