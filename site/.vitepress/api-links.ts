import { relative } from 'node:path';
import type { MarkdownOptions } from 'vitepress';
import { root } from './site-path.ts';

type Markdown = Parameters<NonNullable<MarkdownOptions['config']>>[0];

/** Guides, and the README files of packages. */
const isGuide = (page: string): boolean => /^(?:README\.md|docs\/|packages\/)/.test(page);

/** `createSessions`, `createSessions({ env })`, `sessions.list(owner)`, `req.session.rotate()`: the name to look for. */
function nameIn(code: string): string | undefined {
  const [, object, name = '', call] = /^((?:\w+\.)*sessions?\.)?(\w+)(\(.*\))?$/s.exec(code) ?? [];
  if (object === undefined && call === undefined) return name;
  return call === undefined ? undefined : `${name}()`;
}

/**
 * Where a guide first speaks of something that the API reference has, it links there. The pages themselves have no such
 * links: the reference is made with the site, and is not in the repository.
 */
export function linkToApi(markdown: Markdown, names: ReadonlyMap<string, string>): void {
  markdown.core.ruler.push('links-to-api', ({ tokens, env, Token }) => {
    if (!isGuide(relative(root, String(env.realPath ?? env.path)))) return;
    const said = new Set<string>();
    for (const [index, token] of tokens.entries()) {
      if (token.children === null || tokens[index - 1]?.type === 'heading_open') continue;
      let links = 0;
      token.children = token.children.flatMap((child) => {
        links += child.nesting * Number(child.type.startsWith('link_'));
        const name = child.type === 'code_inline' && links === 0 ? nameIn(child.content) : undefined;
        const link = name === undefined ? undefined : (names.get(name) ?? names.get(name.replace(/\(\)$/, '')));
        if (link === undefined || said.has(link)) return [child];
        said.add(link);
        const open = new Token('link_open', 'a', 1);
        open.attrSet('href', link);
        return [open, child, new Token('link_close', 'a', -1)];
      });
    }
  });
}
