import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, describe, expect, it } from 'vitest';
import { removeTemporaryDirectories, temporaryDirectory } from '../testing/directories.ts';

afterAll(removeTemporaryDirectories);

const store = new URL('../../dist/index.js', import.meta.url).href;

/** An app that has used a lock, and is sent SIGTERM. What it says, and how it ends. */
async function end(listen: string): Promise<{ said: string; code: unknown; signal: unknown }> {
  const program = `
    import { fsStore } from ${JSON.stringify(store)};
    ${listen}
    const store = fsStore({ directory: ${JSON.stringify(temporaryDirectory())}, sweepEveryMs: 20 });
    const before = process.listenerCount('SIGTERM');
    await store.read('a'.repeat(64));
    const busy = setInterval(() => {}, 1000);
    // Its sweeper has taken the lock of the host.
    while (process.listenerCount('SIGTERM') === before) await new Promise((resolve) => setTimeout(resolve, 5));
    process.kill(process.pid, 'SIGTERM');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  const [code, signal] = await once(child, 'close');
  return { said, code, signal };
}

const gracefully = "() => setTimeout(() => { console.log('gracefully'); process.exit(0); }, 50)";

describe('a process with locks', { timeout: 30_000 }, () => {
  it.each(['once', 'on'])('that is told to end goes on until its listener of process.%s ends it', async (method) => {
    expect(await end(`process.${method}('SIGTERM', ${gracefully});`)).toEqual({
      said: 'gracefully\n',
      code: 0,
      signal: null,
    });
  });

  it('that does not listen is ended', async () => {
    expect(await end('')).toEqual({ said: '', code: null, signal: 'SIGTERM' });
  });
});
