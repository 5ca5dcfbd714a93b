import { readFile } from 'node:fs/promises';

/** The code of a page, by the language that it is written in. */
export async function readmeCode(page: URL): Promise<Map<string, string[]>> {
  const byLanguage = new Map<string, string[]>();
  const blocks = (await readFile(page, 'utf8')).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm);
  for (const [, language = '', code = ''] of blocks)
    byLanguage.set(language, [...(byLanguage.get(language) ?? []), code]);
  return byLanguage;
}
