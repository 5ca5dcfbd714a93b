import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { githubSlug } from './github-slug.ts';
import { apiPages } from './pages.ts';
import { root, siteLinkTo } from './site-path.ts';

/** Whose methods the guides call by name alone, `rotate()`: of the first that has one. */
const objects = ['SessionControls', 'Sessions'];

interface Heading {
  readonly level: number;
  readonly name: string;
  readonly anchor: string;
}

/** The headings of a page, with the anchors that they get: the second `close` is `close-1`. */
function headingsOf(page: string): Heading[] {
  const taken = new Set<string>();
  return [...page.matchAll(/^(#+) (.+)$/gm)].map(([, marks = '', text = '']) => {
    const slug = githubSlug(text);
    let anchor = slug;
    for (let count = 1; taken.has(anchor); count += 1) anchor = `${slug}-${count}`;
    taken.add(anchor);
    return { level: marks.length, name: text.replace(/\?$/, ''), anchor };
  });
}

/**
 * Where the API reference has what the guides speak of: `createSessions`, and methods with their brackets, `rotate()`.
 * A name that several packages export, such as `session`, is left out: the guide would have to say which. So are the names
 * of the drop-in, which are those of express-session.
 */
export function apiNames(): Map<string, string> {
  const names = new Map<string, string>();
  const methods = new Map<string, string>();
  const several = new Set<string>();
  for (const file of apiPages().filter((page) => !page.endsWith('/express-session.md'))) {
    let parent = '';
    for (const { level, name, anchor } of headingsOf(readFileSync(join(root, file), 'utf8'))) {
      const link = `${siteLinkTo(file)}#${anchor}`;
      if (level === 3) {
        parent = name;
        const plain = name.replace(/\(\)$/, '');
        if (names.has(plain)) several.add(plain);
        names.set(plain, link);
      } else if (level === 5 && name.endsWith('()') && objects.includes(parent)) {
        if (!methods.has(name) || parent === objects[0]) methods.set(name, link);
      }
    }
  }
  for (const name of several) names.delete(name);
  return new Map([...methods, ...names]);
}
