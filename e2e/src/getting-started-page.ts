import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const page = readFileSync(fileURLToPath(new URL('../../docs/getting-started.md', import.meta.url)), 'utf8');

/** What the reader does next: writes a file, or types a command. */
export type Step = { readonly file: string; readonly text: string } | { readonly command: string };

/** What a section of docs/getting-started.md has its reader do, in order. */
export function stepsOf(section: string): Step[] {
  const text = page.split(`\n## ${section}\n`)[1]?.split('\n## ')[0];
  if (text === undefined) throw new Error(`The page has no section ${section}.`);
  return [...text.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm)].flatMap(
    ({ index, 1: language, 2: code = '' }): Step[] => {
      if (language === 'sh') return code.split('\n').flatMap((line) => (line === '' ? [] : [{ command: line }]));
      // The name of the file stands last before its text.
      const file = [...text.slice(0, index).matchAll(/`([\w/-]+(?:\.\w+)+)`/g)].at(-1)?.[1];
      if (file === undefined) throw new Error(`The page does not say what the file is called that begins ${code}`);
      return [{ file, text: code }];
    },
  );
}

/** Where the section says that one looks. */
export function addressIn(section: string): string {
  const text = page.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  const address = /http:\/\/127\.0\.0\.1:3000(\/\w*)/.exec(text)?.[1];
  if (address === undefined) throw new Error(`${section} does not say where to look.`);
  return address;
}
