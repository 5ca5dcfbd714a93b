import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppFolder, type Installer } from './install-app.ts';
import { type Cell, type Framework, type Language, type Store, cells, frameworks, titleOf } from './install-matrix.ts';
import { type Row, tableOf } from './install-table.ts';
import { visit, visitReadme } from './install-visit.ts';
import type { End } from './install-running.ts';
import { type PostgresServer, startPostgres } from '@sess/postgres-server';
import { type RedisServer, startRedis } from './redis-server.ts';

const anyPort = fileURLToPath(new URL('../fixtures/install/any-port.mjs', import.meta.url));

/**
 * How an app ends when it is told to. The program of a README does not say what it does at a signal, and Next.js exits.
 * All others close their server and their sessions, and then nothing may keep the process.
 */
const endOf: Readonly<Partial<Record<Language, End>>> = {
  README: { code: null, signal: 'SIGTERM' },
  'next build': { code: 143, signal: null },
};

/** Installs what each cell names, and drives an app in it, in each language. */
export function describeInstalled(installer: () => Installer): void {
  const rows: Row[] = cells.map((cell) => ({ ...cell, results: new Map(), installSeconds: 0 }));
  let redis: RedisServer;
  let postgres: PostgresServer;
  beforeAll(async () => {
    redis = await startRedis();
    // As it is installed: where a power cut could destroy what is stored, an app is warned.
    postgres = await startPostgres({ settings: ['fsync=on'] });
  }, 60_000);
  afterAll(async () => {
    await redis.dispose();
    await postgres.dispose();
    console.log(tableOf(rows));
  }, 60_000);

  describe.each(rows.map((row) => [titleOf(row), row] as const))('%s', (_title, row) => {
    const framework = frameworkOf(row);
    let folder: AppFolder;

    beforeAll(async () => {
      folder = new AppFolder(installer(), row.node);
      const start = performance.now();
      await folder.install(row.manager, packagesOf(row, framework));
      row.installSeconds = (performance.now() - start) / 1000;
      folder.addFixture(framework.app);
    }, 400_000);
    afterAll(() => folder.dispose(), 120_000);

    it.each(row.languages)('%s', { timeout: 300_000 }, async (language) => {
      row.results.set(language, 'FAILED');
      const storages: Record<Store, Record<string, string>> = {
        fs: { SESSION_DIR: join(folder.path, 'sessions') },
        redis: { SESSION_REDIS_URL: redis.url },
        postgres: { SESSION_DATABASE_URL: postgres.url },
      };
      expect(await runIn(folder, row, language, storages[row.store])).toEqual({
        store: row.store === 'fs' ? 'filesystem' : row.store,
        hasWarnings: false,
        end: endOf[language] ?? { code: 0, signal: null },
      });
      row.results.set(language, 'ok');
    });
  });
}

function frameworkOf({ framework: name }: Cell): Framework {
  const framework = frameworks[name];
  if (framework === undefined) throw new Error(`${name} is not in the table of frameworks.`);
  return framework;
}

function packagesOf({ store, typescript }: Cell, { adapter, runtime, types }: Framework): string[] {
  const ours = ['@sess/core', adapter, `@sess/${store}`];
  return [...ours, ...runtime, ...types, `typescript@${typescript}`, '@types/node@20.19.43'];
}

/** What Node.js is started with: the program and its flags. */
async function programOf(folder: AppFolder, row: Cell, language: Language): Promise<string[]> {
  if (language === 'next build') {
    const next = 'node_modules/next/dist/bin/next';
    const { ok, output } = await folder.run('node', [next, 'build']);
    if (!ok) throw new Error(`The app cannot be built:\n${output}`);
    return [next, 'start', '--hostname', '127.0.0.1', '--port', '0'];
  }
  if (language === 'import') return ['app.mjs'];
  if (language === 'require') return ['app.cjs'];
  if (language !== 'README') return [await folder.compile(language)];
  const page = folder.read(join('node_modules', frameworkOf(row).adapter, 'README.md'));
  const code = /^```js\n([\s\S]*?)^```$/m.exec(page)?.[1];
  if (code === undefined) throw new Error('The README has no program.');
  folder.write('readme.mjs', code);
  return ['--import', anyPort, 'readme.mjs'];
}

interface Run {
  /** The store that the app named when it started. */
  readonly store: string | undefined;
  readonly hasWarnings: boolean;
  readonly end: End;
}

/** Starts the app, is its visitor, and asks it to end. */
async function runIn(
  folder: AppFolder,
  row: Cell,
  language: Language,
  storage: Readonly<Record<string, string>>,
): Promise<Run> {
  const program = await programOf(folder, row, language);
  const env = {
    NODE_ENV: 'production',
    // The folder itself lies in the system's temporary directory, of which production is warned.
    TMPDIR: join(folder.path, 'tmp'),
    SECRET_KEY: 'of-an-app-that-was-just-installed-5c1e7f',
    ...storage,
  };
  const app = await folder.start(program, env);
  try {
    await (language === 'README' ? visitReadme(app.url) : visit(app.url));
  } finally {
    await app.stop();
  }
  const store = /Session storage initialized: (\w+)/.exec(app.output())?.[1];
  return { store, hasWarnings: /warning/i.test(app.output()), end: await app.stop() };
}
