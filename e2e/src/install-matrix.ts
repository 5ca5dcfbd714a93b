/** What a framework's users install, and the folder of `fixtures/install` that holds the app they write. */
export interface Framework {
  readonly adapter: string;
  readonly runtime: readonly string[];
  readonly types: readonly string[];
  readonly app: string;
  readonly languages: readonly Language[];
}

/** How an app is written: what it is compiled with, or how it loads the packages. */
export type Language =
  | 'nodenext'
  | 'nodenext .cts'
  | 'bundler'
  | 'node16'
  | 'node16 .cts'
  | 'commonjs'
  | 'import'
  | 'require'
  | 'README'
  | 'next build';

/** The oldest way to find packages: it knows no `exports`, and only compilers before the newest have it. */
const olderLanguages: readonly Language[] = ['commonjs'];

export type Manager = 'npm' | 'pnpm';
export type NodeVersion = '20' | '22' | '24' | '26';
export type Store = 'fs' | 'redis' | 'postgres';

/** One folder outside the workspace: installed once, then each language is compiled and run in it. */
export interface Cell {
  readonly manager: Manager;
  readonly node: NodeVersion;
  readonly framework: string;
  readonly store: Store;
  readonly languages: readonly Language[];
  readonly typescript: string;
}

export const titleOf = ({ manager, node, framework, store }: Cell): string =>
  `${framework}, Node.js ${node}, ${manager}, ${store}`;

const allLanguages: readonly Language[] = [
  'nodenext',
  'nodenext .cts',
  'bundler',
  'node16',
  'node16 .cts',
  'import',
  'require',
  'README',
];

export const frameworks: Readonly<Record<string, Framework>> = {
  'Express 4': {
    adapter: '@sess/express',
    runtime: ['express@4.22.3'],
    types: ['@types/express@4.17.25'],
    app: 'express',
    languages: allLanguages,
  },
  'Express 5': {
    adapter: '@sess/express',
    runtime: ['express@5.3.0'],
    types: ['@types/express@5.0.6'],
    app: 'express',
    languages: allLanguages,
  },
  'Koa 2': {
    adapter: '@sess/koa',
    runtime: ['koa@2.16.4'],
    types: ['@types/koa@2.15.2'],
    app: 'koa',
    languages: allLanguages,
  },
  'Koa 3': {
    adapter: '@sess/koa',
    runtime: ['koa@3.3.0'],
    types: ['@types/koa@3.0.3'],
    app: 'koa',
    languages: allLanguages,
  },
  'Hono 4': {
    adapter: '@sess/hono',
    runtime: ['hono@4.13.19', '@hono/node-server@2.1.9'],
    types: [],
    app: 'hono',
    languages: allLanguages,
  },
  'Fastify 5': {
    adapter: '@sess/fastify',
    runtime: ['fastify@5.12.8'],
    types: [],
    app: 'fastify',
    languages: allLanguages,
  },
  'Next 16': {
    adapter: '@sess/next',
    runtime: ['next@16.4.6', 'react@19.3.1', 'react-dom@19.3.1'],
    types: ['@types/react@19.3.0', '@types/react-dom@19.3.0'],
    app: 'next',
    languages: ['next build'],
  },
};

/** The compiler of the day, and the last one that was written in JavaScript, which most have. */
const typescript = { newest: '7.0.2', older: '5.9.3' };

/** `npm test`: each manager, Node.js, framework, store, compiler and language at least once. */
const fewCells: readonly Cell[] = [
  {
    framework: 'Express 5',
    node: '20',
    manager: 'npm',
    store: 'fs',
    typescript: typescript.newest,
    languages: ['nodenext', 'require', 'README'],
  },
  {
    framework: 'Express 4',
    node: '24',
    manager: 'pnpm',
    store: 'redis',
    typescript: typescript.older,
    languages: ['bundler', 'commonjs', 'import'],
  },
  {
    framework: 'Koa 3',
    node: '22',
    manager: 'pnpm',
    store: 'fs',
    typescript: typescript.newest,
    languages: ['nodenext .cts', 'README'],
  },
  {
    framework: 'Koa 2',
    node: '20',
    manager: 'npm',
    store: 'postgres',
    typescript: typescript.newest,
    languages: ['node16', 'node16 .cts', 'require'],
  },
  {
    framework: 'Hono 4',
    node: '24',
    manager: 'pnpm',
    store: 'fs',
    typescript: typescript.newest,
    languages: ['nodenext', 'require', 'README'],
  },
  {
    framework: 'Fastify 5',
    node: '22',
    manager: 'pnpm',
    store: 'redis',
    typescript: typescript.newest,
    languages: ['nodenext .cts', 'import', 'README'],
  },
  {
    framework: 'Next 16',
    node: '22',
    manager: 'npm',
    store: 'redis',
    typescript: typescript.older,
    languages: ['next build'],
  },
];

const stores: readonly Store[] = ['fs', 'redis', 'postgres'];

/** Everything with everything. The store and the compiler alternate: they meet all of it, if not each pair. */
function everyCell(): Cell[] {
  const managers: readonly Manager[] = ['npm', 'pnpm'];
  const nodes: readonly NodeVersion[] = ['20', '22', '24', '26'];
  const places = Object.keys(frameworks).flatMap((framework) =>
    managers.flatMap((manager) => nodes.map((node) => ({ framework, manager, node }))),
  );
  return places.map((place, index) => {
    const languages = frameworks[place.framework]?.languages ?? [];
    const isNext = place.framework.startsWith('Next');
    // Next.js checks types through the compiler's interface for JavaScript, which the newest does not have.
    const isOlder = index % 3 === 0 || isNext;
    return {
      ...place,
      store: stores[(index + Math.floor(index / 3)) % 3] ?? 'fs',
      languages: isOlder && !isNext ? [...languages, ...olderLanguages] : languages,
      typescript: isOlder ? typescript.older : typescript.newest,
    };
  });
}

/** `npm run test:matrix` asks for all. */
export const cells: readonly Cell[] = process.env['SESS_MATRIX'] === 'all' ? everyCell() : fewCells;
