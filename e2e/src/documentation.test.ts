import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type CookieOptions,
  type Limits,
  SessError,
  type SessErrorCode,
  type SessionSettings,
  type SessionsOptions,
  channels,
} from '@sess/core';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The text of a page from a heading to the next one of its level or above. */
function section(page: string, heading: string): string {
  const level = heading.indexOf(' ');
  const lines = page.split('\n');
  const start = lines.indexOf(heading);
  if (start === -1) throw new Error(`There is no heading "${heading}".`);
  const rest = lines.slice(start + 1);
  const length = rest.findIndex((line) => /^#+ /.test(line) && line.indexOf(' ') <= level);
  return rest.slice(0, length === -1 ? undefined : length).join('\n');
}

/** What the rows of a section's tables are about. */
function rows(text: string): string[] {
  return [...text.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name ?? '').toSorted();
}

const sources = readdirSync(join(root, 'packages'))
  .flatMap((name) =>
    readdirSync(join(root, 'packages', name, 'src'), { recursive: true, encoding: 'utf8' }).map((file) =>
      join('packages', name, 'src', file),
    ),
  )
  .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|\/testing\//.test(file));

describe('docs/errors.md', () => {
  const page = read('docs/errors.md');
  const described = [...page.matchAll(/^### ([A-Z_]+)$/gm)].map(([, code]) => code ?? '');
  const codes = [...read('packages/core/src/errors.ts').matchAll(/^ {2}([A-Z_]+): \d{3},$/gm)].map(
    ([, code]) => code as SessErrorCode,
  );

  it('has a paragraph for every error code, and no other', () => {
    expect(codes.length).toBeGreaterThan(20);
    expect(described.toSorted()).toEqual(codes.toSorted());
  });

  it.each(codes)('says the status of %s, and what to do', (code) => {
    const paragraph = section(page, `### ${code}`);
    expect(paragraph).toMatch(new RegExp(`^\\nStatus ${new SessError(code, '').status}\\. `));
    expect(paragraph.length).toBeGreaterThan(100);
  });

  it('names every finding that a store makes, with its severity', () => {
    const found = sources.flatMap((file) =>
      [...read(file).matchAll(/code: '([A-Z_]+)',\s+severity: '(\w+)'/g)].map(
        ([, code, severity]) => `${code} ${severity}`,
      ),
    );
    const told = [...section(page, '## Findings').matchAll(/^\| `([A-Z_]+)` +\| (\w+) /gm)].map(
      ([, code, severity]) => `${code} ${severity}`,
    );
    expect(found.length).toBeGreaterThan(8);
    expect(told.toSorted()).toEqual(found.toSorted());
  });
});

describe('docs/configuration.md', () => {
  const page = read('docs/configuration.md');

  it('has the options that the README of core lists', () => {
    const [table = ''] = section(page, '## Options of createSessions').split('\n### ');
    expect(rows(section(read('packages/core/README.md'), '## Options'))).toEqual(rows(table));
  });

  // The compiler sees to it that no key is missing here.
  const options: Record<keyof SessionsOptions, true> = {
    store: true,
    secret: true,
    cookie: true,
    formerly: true,
    idleTimeoutMs: true,
    absoluteTimeoutMs: true,
    touchAfterMs: true,
    endMarkerMs: true,
    watchEveryMs: true,
    limits: true,
    timeouts: true,
    prefix: true,
    directory: true,
    logger: true,
    clock: true,
    env: true,
  };
  const cookie: Record<keyof CookieOptions, true> = {
    name: true,
    path: true,
    domain: true,
    secure: true,
    sameSite: true,
    partitioned: true,
    priority: true,
    persistent: true,
  };
  const limits: Record<keyof Limits, true> = { sessionBytes: true, sessionKeys: true };
  const timeouts: Record<keyof NonNullable<SessionsOptions['timeouts']>, true> = {
    operationMs: true,
    openMs: true,
    commitMs: true,
  };
  const settings: Record<keyof SessionSettings, true> = { idleTimeoutMs: true, persistent: true, label: true };

  it.each([
    ['### Cookie', cookie],
    ['### Limits', limits],
    ['### Timeouts', timeouts],
    ['## Events', channels],
  ])('"%s" has a row for every key, and no other', (heading, keys) => {
    expect(rows(section(page, heading))).toEqual(Object.keys(keys).toSorted());
  });

  it('has a row for every option, and no other', () => {
    const [table = ''] = section(page, '## Options of createSessions').split('\n### ');
    expect(rows(table)).toEqual(Object.keys(options).toSorted());
  });

  it('tells of every setting that one session can have', () => {
    for (const name of Object.keys(settings)) expect(section(page, '## Settings of one session')).toContain(name);
  });

  it('has a row for every environment variable that a package reads, and no other', () => {
    const names = sources
      .map(read)
      .flatMap((source) => [
        ...source.matchAll(/variable\(env, '(\w+)'\)|process\.env\[['"](\w+)['"]\]|\[('[\w', ]+')\]\.find\(/g),
      ])
      .flatMap(([, first, second, list]) => first ?? second ?? list?.match(/\w+/g) ?? []);
    expect(names).toContain('SECRET_KEY');
    expect(names).toContain('VITEST');
    expect(names).toContain('SESSION_REDIS_URL');
    expect(rows(section(page, '## Environment variables'))).toEqual([...new Set(names)].toSorted());
  });
});

describe('docs/architecture.md', () => {
  it('names files that are there', () => {
    const table = section(read('docs/architecture.md'), '## Where things live');
    const files = [...table.matchAll(/`((?:[a-z-]+\/)?[a-z-]+\.ts)`/g)].map(([, file]) => file ?? '');
    expect(files.length).toBeGreaterThan(30);
    const missing = files.filter((file) => !sources.some((source) => source.endsWith(`/src/${file}`)));
    expect(missing).toEqual([]);
  });
});

describe('links', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'AGENTS.md',
    'SECURITY.md',
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
    ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`),
  ].filter((path) => path.endsWith('.md'));

  const withoutCode = (text: string): string =>
    text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, 'x');

  /** As GitHub makes them. */
  const anchors = (text: string): string[] =>
    [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );

  it('README.md leads to every package and every page', () => {
    const front = read('README.md');
    const elsewhere = /^(README|AGENTS)\.md$|^docs\/\w+\/(?!index)/;
    const missing = pages.filter((path) => !elsewhere.test(path) && !front.includes(`](${path})`));
    expect(missing).toEqual([]);
  });

  it.each(['recipes', 'frameworks'])('docs/%s/index.md leads to every page beside it', (folder) => {
    const index = read(`docs/${folder}/index.md`);
    const names = readdirSync(join(root, 'docs', folder)).filter((name) => name !== 'index.md');
    expect(names.filter((name) => !index.includes(`](${name})`))).toEqual([]);
  });

  it.each(pages)('%s links to what is there', (path) => {
    for (const [, link = ''] of withoutCode(read(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? join(root, path) : resolve(root, dirname(path), file);
      expect(existsSync(target), `${path}: ${link}`).toBe(true);
      if (anchor === undefined || !statSync(target).isFile()) continue;
      expect(anchors(readFileSync(target, 'utf8')), `${path}: ${link}`).toContain(anchor);
    }
  });
});
