import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A fenced block: ```` ```js fragment ````. */
export interface Block {
  /** Page and line: `docs/errors.md:14`. */
  readonly where: string;
  readonly page: string;
  readonly language: string;
  /** It is a part of something, or needs what is not there: its syntax is checked, where we know it, and no more. */
  readonly isFragment: boolean;
  /** The test that runs it: `tested-by=e2e/src/deployment.test.ts`. */
  readonly testedBy: string | undefined;
  readonly code: string;
}

const notOurs = /^(\.|node_modules$|dist$|fixtures$|generated$|CHANGELOG\.md$)/;

/** Every page for people that the repository has, wherever a new one is put. */
export function allPages(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (notOurs.test(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return allPages(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** The README of a package that has a `readme.test.ts` is run by that. */
function packageTestOf(page: string): string | undefined {
  const test = page.replace(/^(packages\/[\w-]+)\/README\.md$/, '$1/src/readme.test.ts');
  return test !== page && existsSync(join(root, test)) ? test : undefined;
}

/** The fenced blocks of a page, also those inside lists. */
export function blocksOf(page: string, text: string = readFileSync(join(root, page), 'utf8')): Block[] {
  return [...text.matchAll(/^( *)```(.*)\n([\s\S]*?)^\1```$/gm)].map(
    ({ index, 1: indent = '', 2: info = '', 3: body = '' }) => {
      const [language = '', ...attributes] = info.trim().split(/\s+/);
      const testedBy = attributes.find((attribute) => attribute.startsWith('tested-by='))?.slice('tested-by='.length);
      return {
        where: `${page}:${text.slice(0, index).split('\n').length}`,
        page,
        language,
        isFragment: attributes.includes('fragment'),
        testedBy: testedBy ?? (language === 'sh' ? undefined : packageTestOf(page)),
        code: indent === '' ? body : body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      };
    },
  );
}

/** A block that begins with `// app/page.tsx` is a file of an app, whose other files are on the same page. */
export function fileOf({ language, code }: Block): string | undefined {
  return /^tsx?$/.test(language) ? /^\/\/ ([\w./[\]-]+\.tsx?)\b/.exec(code)?.[1] : undefined;
}

/** What is checked here, what is no code, and what is left. */
const checkedHere = new Set(['js', 'ts', 'sh', 'json']);
const noCode = new Set(['text', 'mermaid']);

/** Why nothing tries a block; `undefined` when something does, or when it is no code. */
export function whyUntested(block: Block): string | undefined {
  const { language, isFragment, testedBy, page } = block;
  if (testedBy !== undefined) {
    if (!existsSync(join(root, testedBy))) return `There is no ${testedBy}.`;
    const name = page.endsWith('README.md') ? 'README.md' : page;
    return readFileSync(join(root, testedBy), 'utf8').includes(name) ? undefined : `${testedBy} does not read ${name}.`;
  }
  if (isFragment || checkedHere.has(language) || noCode.has(language) || fileOf(block)) return undefined;
  return `Nothing here can try ${language === '' ? 'a block without a language' : language}: see CONTRIBUTING.md, "Code in documentation".`;
}
