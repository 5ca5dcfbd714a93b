import type { MarkdownOptions } from 'vitepress';

type Markdown = Parameters<NonNullable<MarkdownOptions['config']>>[0];

/** A table that is wider than the screen is scrolled, so the keyboard has to reach it. */
export function reachByKeyboard(markdown: Markdown): void {
  markdown.renderer.rules.table_open = () => '<table tabindex="0">\n';
}
