import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type StoreRecipe, isStore, loadStore } from './load-store.ts';
import { memoryStore } from './memory-store.ts';

// The app is a real folder with real packages in it; this process is given its main script.
let app: string;
const script = process.argv[1] ?? '';

beforeEach(() => {
  app = realpathSync(mkdtempSync(join(tmpdir(), 'load-store-')));
  process.argv[1] = join(app, 'server.js');
});

afterEach(() => {
  process.argv[1] = script;
  rmSync(app, { recursive: true });
});

const recipe = (options: StoreRecipe['options'] = {}): StoreRecipe => ({
  package: '@sess/fs',
  factory: 'fsStore',
  options: { directory: app, ...options },
});

const working = `
  export const made = [];
  export function fsStore(options) {
    const store = { options, closed: 0, create() {}, read() {}, replace() {}, destroy() {}, async close() { store.closed += 1; } };
    made.push(store);
    return store;
  }
`;

function install(source: string, folder: string = app): string {
  const root = join(folder, 'node_modules', '@sess', 'fs');
  mkdirSync(root, { recursive: true });
  const manifest = { name: '@sess/fs', type: 'module', exports: { '.': { types: './x.d.ts', default: './index.js' } } };
  writeFileSync(join(root, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(root, 'index.js'), source);
  return join(root, 'index.js');
}

describe('a storage package', () => {
  it('that is missing is an error at once, and the error is the install line', async () => {
    // A process of its own: what runs the tests has NODE_PATH set, and finds packages there.
    const built = new URL('../../dist/storage/load-store.js', import.meta.url).href;
    const main = join(app, 'server.mjs');
    writeFileSync(
      main,
      `import { loadStore } from ${JSON.stringify(built)};
      for (const name of ['@sess/fs', '@sess/redis', '@sess/postgres']) {
        try { loadStore({ package: name, options: {} }); } catch (error) { console.log(error.code, error.message); }
      }`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [main], { cwd: app, env: {} });
    expect(stdout.trim().split('\n')).toEqual(
      ['@sess/fs', '@sess/redis', '@sess/postgres'].map(
        (name) =>
          `STORE_PACKAGE_MISSING Sessions are to be kept by ${name}, but that package is not installed. Run: npm install ${name}`,
      ),
    );
  });

  it('is found from the folder of the main script, however deep', async () => {
    install(working);
    process.argv[1] = join(app, 'dist', 'bin', 'server.js');
    const { store, release } = loadStore(recipe());
    expect(Reflect.get(store, 'options')).toEqual({ directory: app });
    await release();
  });

  it('is found from the working directory when the script is a tool elsewhere', async () => {
    install(working);
    process.argv[1] = '/nowhere/runner.js';
    const before = process.cwd;
    process.cwd = () => app;
    try {
      const { store, release } = loadStore(recipe());
      expect(isStore(store)).toBe(true);
      await release();
    } finally {
      process.cwd = before;
    }
  });

  it.each([
    ['without the factory', 'export const other = 1;'],
    ['whose factory makes something else', 'export function fsStore() { return { read() {} }; }'],
    ['whose factory is no function', 'export const fsStore = { create() {}, read() {}, replace() {}, destroy() {} };'],
  ])('%s is of another version, and the error says so', async (_, source) => {
    const path = install(source);
    expect(() => loadStore(recipe())).toThrow(
      expect.objectContaining({
        code: 'STORE_PACKAGE_MISSING',
        message: expect.stringContaining(`@sess/fs at ${path} has no fsStore()`),
      }),
    );
  });

  it('whose factory throws fails with its own error, and the next one to ask tries again', async () => {
    install(`
      let attempts = 0;
      export function fsStore() {
        attempts += 1;
        if (attempts === 1) throw new TypeError('a bad option');
        return { create() {}, read() {}, replace() {}, destroy() {} };
      }
    `);
    expect(() => loadStore(recipe())).toThrow('a bad option');
    const second = loadStore(recipe());
    expect(isStore(second.store)).toBe(true);
    await second.release();
  });
});

describe('a shared store', () => {
  it('is made once for equal options, and closed by its last user', async () => {
    install(working);
    const first = loadStore(recipe());
    const second = loadStore(recipe());
    const store = first.store;
    expect(second.store).toBe(store);
    await first.release();
    await first.release();
    expect(Reflect.get(store, 'closed')).toBe(0);
    await second.release();
    expect(Reflect.get(store, 'closed')).toBe(1);
  });

  it('that was closed is not given to anybody again', async () => {
    install(working);
    const first = loadStore(recipe());
    const closed = first.store;
    await first.release();
    const second = loadStore(recipe());
    expect(second.store).not.toBe(closed);
    await second.release();
  });

  it('is another one for other options, also for another clock', async () => {
    install(working);
    const clock = (): number => 1;
    const all = [recipe(), recipe({ clock }), recipe({ clock: () => 1 }), recipe({ directory: '/other' })];
    const loaded = all.map((one) => loadStore(one));
    const stores = loaded.map(({ store }) => store);
    expect(new Set(stores).size).toBe(4);
    const again = loadStore(recipe({ clock }));
    expect(again.store).toBe(stores[1]);
    await Promise.all([...loaded, again].map(({ release }) => release()));
  });

  it('is shared with a second copy of this module, as bundlers make them', async () => {
    install(working);
    const address = './load-store.ts?copy';
    const copy: typeof import('./load-store.ts') = await import(address);
    expect(copy.loadStore).not.toBe(loadStore);
    const first = loadStore(recipe());
    const second = copy.loadStore(recipe());
    expect(second.store).toBe(first.store);
    await first.release();
    expect(Reflect.get(first.store, 'closed')).toBe(0);
    await second.release();
  });
});

describe('a store', () => {
  it('is told by its four verbs', () => {
    expect(isStore(memoryStore())).toBe(true);
    for (const other of [undefined, null, 7, 'redis', {}, { create() {}, read() {}, replace() {} }, new Map()])
      expect(isStore(other)).toBe(false);
  });
});
