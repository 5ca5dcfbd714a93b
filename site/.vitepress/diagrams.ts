import type { MarkdownOptions } from 'vitepress';
import { sequenceDiagram } from './sequence-diagram.ts';

type Markdown = Parameters<NonNullable<MarkdownOptions['config']>>[0];

/** Draws the blocks of the language `mermaid`. */
export function drawDiagrams(markdown: Markdown): void {
  const { fence } = markdown.renderer.rules;
  markdown.renderer.rules.fence = (tokens, index, options, env, self) => {
    const token = tokens[index];
    if (token?.info.trim() === 'mermaid') return sequenceDiagram(token.content);
    return fence?.(tokens, index, options, env, self) ?? '';
  };
}
