import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { appStorage } from './app-storage.ts';
import { cookieSessions } from '../cookie/cookie-sessions.ts';
import { memoryStore } from './memory-store.ts';
import { sessionDirectory } from './session-directory.ts';

let app: string;

beforeEach(() => {
  app = realpathSync(mkdtempSync(join(tmpdir(), 'app-storage-')));
  writeFileSync(join(app, 'package.json'), '{}');
});

afterEach(() => rmSync(app, { recursive: true }));

/** A storage package of the app's own, which says who made it. */
function install(name: 'fs' | 'redis'): void {
  const folder = join(app, 'node_modules', '@sess', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: `@sess/${name}`, type: 'module', exports: './index.js' }),
  );
  writeFileSync(
    join(folder, 'index.js'),
    `export const ${name}Store = (options) =>
       ({ options, closed: 0, create() {}, read() {}, replace() {}, destroy() {}, async close() { this.closed += 1; } });`,
  );
}

describe('the storage of an app, seen from beside it', () => {
  it('is chosen as the app chooses it, with the reason', () => {
    expect(appStorage({ env: { REDIS_URL: 'redis://127.0.0.1' } }, app).backend).toMatchObject({
      name: 'redis',
      source: 'REDIS_URL',
    });
    expect(appStorage({ env: { NODE_ENV: 'test' } }, app).backend.name).toBe('cookie');
    expect(appStorage({ env: {}, store: memoryStore() }, app).backend.name).toBe('custom');
  });

  it('is in the directory that a process of this app would choose, and asking makes nothing', () => {
    const { directory } = appStorage({ env: {} }, join(app, 'src'));
    const script = process.argv[1] ?? '';
    process.argv[1] = join(app, 'server.js');
    try {
      expect(directory).toBe(sessionDirectory({}));
    } finally {
      process.argv[1] = script;
    }
    expect(appStorage({ env: { SESSION_DIR: join(app, 'made') } }, app).directory).toBe(join(app, 'made'));
    expect(readdirSync(app)).toEqual(['package.json']);
  });

  it('is opened with the package of the app, and closed', async () => {
    install('redis');
    const storage = appStorage({ env: { REDIS_URL: 'redis://127.0.0.1' }, prefix: 'web:' }, app);
    const store = await storage.open();
    expect(store).toMatchObject({ options: { url: 'redis://127.0.0.1', prefix: 'web:' } });
    await storage.close();
    expect(store).toMatchObject({ closed: 1 });
  });

  it('is missed with the reason why it is wanted, whoever chose it; other errors need none', async () => {
    const folder = join(app, 'node_modules', '@sess');
    for (const name of ['fs', 'redis'] as const) {
      install(name);
      writeFileSync(join(folder, name, 'index.js'), 'export const other = 1;');
    }
    for (const [env, reason] of [
      [
        {},
        /^No Redis is configured \(SESSION_REDIS_URL, REDIS_URL\) and no PostgreSQL .*, so .*\. @sess\/fs at .* that fits/,
      ],
      [{ REDIS_URL: 'redis://127.0.0.1' }, /^REDIS_URL is set\. @sess\/redis at .* that fits/],
    ] as const) {
      const told = { code: 'STORE_PACKAGE_MISSING', message: expect.stringMatching(reason) };
      await expect(appStorage({ env }, app).open()).rejects.toMatchObject(told);
    }
  });

  it('that refuses its directory says so at once: why there are files does not help', async () => {
    install('fs');
    writeFileSync(
      join(app, 'node_modules', '@sess', 'fs', 'index.js'),
      `export function fsStore() {
         throw Object.assign(new Error('It is open to others.'), { name: 'SessError', code: 'FS_DIRECTORY' });
       }`,
    );
    await expect(appStorage({ env: {} }, app).open()).rejects.toThrow(/^It is open to others\.$/);
  });

  it('that was given is not closed', async () => {
    let isClosed = false;
    const store = { ...memoryStore(), close: async () => void (isClosed = true) };
    const storage = appStorage({ env: {}, store }, app);
    expect(await storage.open()).toBe(store);
    await storage.close();
    expect(isClosed).toBe(false);
  });

  it('cannot be opened where browsers keep the sessions, and says so', async () => {
    await expect(appStorage({ env: {}, store: cookieSessions() }, app).open()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    });
  });

  it('is refused with a wrong option, as the app would be', () => {
    expect(() => appStorage(JSON.parse('{"store":{}}'), app)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
    expect(() => appStorage(JSON.parse('{"stores":1}'), app)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
