import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const built = new URL('../../dist/index.js', import.meta.url).href;
const appSideCalls = new URL('app-side-calls.mjs', import.meta.url).href;
const appStore = new URL('app-store.mjs', import.meta.url).href;

export interface AppOptions {
  built?: string;
  nodeArgs?: string[];
  env?: Record<string, string>;
}

/**
 * Runs a program as a process of its own, which has to end by itself.
 *
 * @returns what it logged as JSON, line by line
 */
export async function runApp(program: string, options: AppOptions = {}): Promise<unknown[]> {
  const prelude = `
    import { appSide, untilInThread } from ${JSON.stringify(appSideCalls)};
    import { appStore } from ${JSON.stringify(appStore)};
    const { fsStore } = await import(${JSON.stringify(options.built ?? built)});
    const openStore = (options) => appStore(fsStore({ sweepEveryMs: 0, ...options }));
    const tell = (value) => console.log(JSON.stringify(value ?? null));
    const codeOf = (promise) => promise.then((value) => ({ value }), (error) => error.code ?? error.name);`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...(options.nodeArgs ?? []), '--input-type=module', '-e', prelude + program],
    { timeout: 110_000, env: { ...process.env, ...options.env } },
  );
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
