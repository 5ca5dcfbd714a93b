import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** An strace that is attached to a process, and lies to it or kills it. */
export interface Tracer {
  /** The calls that it has spoiled so far. */
  injected(): number;
  detach(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** @param inject as strace takes it: `rename:error=EIO` */
export async function inject(pid: number, inject: string): Promise<Tracer> {
  const calls = inject.slice(0, inject.indexOf(':'));
  const tracer = spawn('strace', ['-f', '-e', `trace=${calls}`, '-e', `inject=${inject}`, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.add(tracer);
  tracer.once('exit', () => running.delete(tracer));
  let output = '';
  await new Promise<void>((resolve, reject) => {
    tracer.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('attached')) resolve();
    });
    tracer.once('error', reject);
    tracer.once('exit', () => reject(new Error(`strace: ${output}`)));
  });
  return {
    injected: () => output.split('(INJECTED)').length - 1 + output.split('killed by SIGKILL').length - 1,
    async detach() {
      if (tracer.exitCode !== null || tracer.signalCode !== null) return;
      const ended = once(tracer, 'exit');
      tracer.kill('SIGTERM');
      // It may wait for ever for threads of a process that was killed.
      const impatience = setTimeout(() => tracer.kill('SIGKILL'), 1_000);
      await ended;
      clearTimeout(impatience);
    },
  };
}

let reason: string | undefined | false = false;

/** Why nothing can be traced here; `undefined` when it can. */
export function untraceable(): string | undefined {
  if (reason === false) {
    const { status } = spawnSync('strace', ['-e', 'trace=none', process.execPath, '-e', '0']);
    reason = status === 0 ? undefined : 'strace cannot trace here';
  }
  return reason;
}
