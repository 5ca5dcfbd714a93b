import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppFolder, type Installer } from './install-app.ts';
import { cells, frameworks } from './install-matrix.ts';
import { publicNames } from './public-names.ts';

const testOfAStore = `
import { describe, it } from 'node:test';
import { memoryStore } from '@sess/core';
import { testStore } from '@sess/store-tests';

testStore({
  name: 'the memory store',
  runner: { describe, it },
  rounds: 5,
  abilities: ['describe', 'keysByOwner', 'walk', 'sweep', 'check', 'close'],
  open({ instances, clock }) {
    const store = memoryStore({ clock });
    return { stores: Array.from({ length: instances }, () => store) };
  },
});
`;

/** The packages that are no part of a running app. */
export function describeTools(installer: () => Installer): void {
  describe('beside an app', () => {
    let folder: AppFolder;
    beforeAll(() => {
      folder = new AppFolder(installer(), '20');
    });
    afterAll(() => folder.dispose(), 120_000);

    it('`npx @sess/cli secret` prints a secret, each time another', { timeout: 300_000 }, async () => {
      const print = (): ReturnType<AppFolder['run']> => folder.run('npx', ['--yes', '@sess/cli', 'secret']);
      const secrets = [await print(), await print()].map(({ ok, output }) =>
        ok ? output.trim() : `failed: ${output}`,
      );
      expect(secrets).toEqual([expect.stringMatching(/^[\w-]{43,}$/), expect.stringMatching(/^[\w-]{43,}$/)]);
      expect(secrets[0]).not.toBe(secrets[1]);
    });

    it('the conformance suite judges a store under node:test', { timeout: 300_000 }, async () => {
      await folder.install('npm', ['@sess/core', '@sess/store-tests']);
      folder.write('store.test.mjs', testOfAStore);
      const { ok, output } = await folder.run('node', ['--test', 'store.test.mjs']);
      const failed = output.split('\n').filter((line) => /^ *not ok /.test(line));
      expect({ ok, failed }).toEqual({ ok: true, failed: [] });
      expect(Number(/^# pass (\d+)$/m.exec(output)?.[1])).toBeGreaterThan(200);
    });
  });

  describe('in CommonJS', () => {
    const folders: AppFolder[] = [];
    afterAll(() => folders.forEach((folder) => folder.dispose()), 120_000);

    /** A folder whose files are CommonJS unless they say otherwise. */
    async function folderWith(fixture: string, packages: readonly string[]): Promise<AppFolder> {
      const folder = new AppFolder(installer(), '20', 'commonjs');
      folders.push(folder);
      await folder.install('npm', packages);
      folder.addFixture(fixture);
      return folder;
    }

    it('Jest runs an app, and a test of ES modules', { timeout: 300_000 }, async () => {
      const ours = ['@sess/core', '@sess/express', '@sess/fs'];
      const folder = await folderWith('jest', [...ours, 'express@5.3.0', 'jest@30.5.2']);
      const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--config', 'jest.config.json'];
      const { ok, output } = await folder.run('node', jest);
      expect({ ok, output }).toEqual({ ok: true, output: expect.stringContaining('3 passed, 3 total') });
    });

    it(
      'an app of express-session moves by an alias: it compiles, and its own tests stay green',
      { timeout: 300_000 },
      async () => {
        const used = ['express@5.3.0', 'connect-flash@0.1.1', 'csrf-sync@4.2.1', 'jest@30.5.2', 'typescript@5.9.3'];
        const types = ['@types/express@5.0.6', '@types/connect-flash@0.0.40', '@types/node@20.19.43'];
        const before = ['express-session@1.19.0', '@types/express-session@1.19.0'];
        const stores = ['connect-redis@9.0.0', 'redis@6.3.1'];
        const folder = await folderWith('express-session', [...used, ...types, ...before, ...stores]);
        const test = async (): Promise<void> => {
          for (const args of [
            ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.older.json'],
            ['node_modules/jest/bin/jest.js', '--config', 'jest.config.json'],
          ]) {
            const { ok, output } = await folder.run('node', args);
            expect({ args, ok, output }).toMatchObject({ ok: true });
          }
        };
        await test();
        await folder.run('npm', ['uninstall', '@types/express-session']);
        // As README.md says: connect-redis asks for another version than ours has.
        await folder.run('npm', ['pkg', 'set', 'overrides.express-session=$express-session']);
        await folder.install('npm', ['express-session@npm:@sess/express-session', '@sess/core']);
        await test();
        const isOurs = "new (require('connect-redis').RedisStore)({}) instanceof require('express-session').Store";
        expect(await folder.run('node', ['--print', isOurs])).toMatchObject({ output: 'true\n' });
      },
    );

    it('NestJS 11, as its generator makes an app, compiles and is tested', { timeout: 300_000 }, async () => {
      const nest = ['common', 'core', 'platform-express', 'testing'].map((name) => `@nestjs/${name}@11`);
      const tests = ['jest@30.5.2', 'ts-jest@29', 'supertest@7', '@types/jest@30', '@types/supertest@7'];
      const others = ['reflect-metadata@0.2', 'rxjs@7', '@types/express@5.0.6', '@types/node@20.19.43'];
      const ours = ['@sess/core', '@sess/express'];
      const folder = await folderWith('nest', [...ours, ...nest, ...tests, ...others, 'typescript@5.9.3']);
      for (const [program, ...args] of [
        ['node_modules/.bin/tsc', '-p', 'tsconfig.json', '--noEmit'],
        // The setting of its earlier versions.
        ['node_modules/.bin/tsc', '-p', 'tsconfig.older.json', '--noEmit'],
        ['node_modules/.bin/jest', '--config', 'jest-e2e.json'],
      ] as const) {
        const { ok, output } = await folder.run(join(folder.path, program), args);
        expect({ args, ok, output }).toMatchObject({ ok: true });
      }
    });
  });

  it('no public package is left out of the cells, and each framework of the table has one', () => {
    const adapters = Object.values(frameworks).map(({ adapter }) => adapter);
    const stores = cells.map(({ store }) => `@sess/${store}`);
    const beside = ['@sess/core', '@sess/cli', '@sess/store-tests', '@sess/express-session'];
    const installed = new Set([...beside, ...adapters, ...stores]);
    expect(installed).toEqual(new Set(publicNames));
    expect(new Set(cells.map(({ framework }) => framework))).toEqual(new Set(Object.keys(frameworks)));
  });
}
