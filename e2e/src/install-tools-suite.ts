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

  it('no public package is left out of the cells, and each framework of the table has one', () => {
    const adapters = Object.values(frameworks).map(({ adapter }) => adapter);
    const stores = cells.map(({ store }) => `@sess/${store}`);
    const installed = new Set(['@sess/core', '@sess/cli', '@sess/store-tests', ...adapters, ...stores]);
    expect(installed).toEqual(new Set(publicNames));
    expect(new Set(cells.map(({ framework }) => framework))).toEqual(new Set(Object.keys(frameworks)));
  });
}
