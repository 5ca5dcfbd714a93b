import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecipeFolder } from './recipe.ts';
import { runtimes } from './runtimes.ts';
import { checksOfProcesses } from './twelve-checks.ts';

const app = fileURLToPath(new URL('../fixtures/checks/express.mjs', import.meta.url));

describe('two processes of an app of Express, which share sessions in files', () => {
  let folder: RecipeFolder;
  beforeAll(() => {
    folder = new RecipeFolder();
  });
  afterAll(() => folder.dispose());

  it.each([...runtimes.keys()])('%s', { timeout: 60_000 }, async (runtime) => {
    const start = () => folder.startFile(app, { SESSION_DIR: join(folder.path, runtime) }, runtimes.get(runtime));
    const running = await Promise.all([start(), start()]);
    const urls = [running[0].url, running[1].url] as const;
    for (const [name, check] of Object.entries(checksOfProcesses)) {
      await check({ urls }).catch((error: unknown) => {
        throw new Error(`${name}\n${running[0].output()}${running[1].output()}`, { cause: error });
      });
    }
    expect(Object.keys(checksOfProcesses)).toHaveLength(7);
    await Promise.all(running.map((one) => one.stop()));
  });
});
