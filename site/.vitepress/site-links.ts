import { posix, relative } from 'node:path';
import type { MarkdownOptions } from 'vitepress';
import { root, siteLinkTo } from './site-path.ts';

type Markdown = Parameters<NonNullable<MarkdownOptions['config']>>[0];

/** Turns the pages' links, which are paths in the repository, into links of the site. */
export function linkToSite(markdown: Markdown): void {
  markdown.core.ruler.push('links-to-site', ({ tokens, env }) => {
    const page = relative(root, String(env.realPath ?? env.path));
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type !== 'link_open') continue;
      const href = token.attrGet('href') ?? '';
      if (/^(?:[a-z]+:|#)/.test(href)) continue;
      const [file = '', anchor] = href.split('#');
      const target = siteLinkTo(posix.join(posix.dirname(page), file));
      token.attrSet('href', anchor === undefined ? target : `${target}#${anchor}`);
    }
  });
}
