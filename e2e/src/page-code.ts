import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The one fenced block of a page, in a language, that contains a text: what is tested is what is read. */
export function codeOf(page: string, language: string, contains: string): string {
  const text = readFileSync(root + page, 'utf8');
  const blocks = [...text.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm)].flatMap(([, name, code = '']) =>
    name === language && code.includes(contains) ? [code] : [],
  );
  if (blocks.length !== 1) throw new Error(`${page} has ${blocks.length} blocks of ${language} with "${contains}".`);
  return blocks[0] ?? '';
}

/** The files of an app that a page shows: each block below a line that is nothing but a file's name. */
export function filesOf(page: string, heading?: string): ReadonlyMap<string, string> {
  const text = readFileSync(root + page, 'utf8');
  const [before = '', ...sections] = text.split(/^## /m);
  const part = heading === undefined ? before : sections.find((section) => section.startsWith(`${heading}\n`));
  const blocks = part?.matchAll(/^`([^`\s]+)`:\n\n```[^\n]+\n([\s\S]*?)^```$/gm) ?? [];
  const files = new Map([...blocks].map(([, name = '', code = '']) => [name, code]));
  if (files.size === 0) throw new Error(`${page} shows no file${heading === undefined ? '' : ` below "${heading}"`}.`);
  return files;
}
