import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contestant } from './contestant.ts';
import type { Sample } from './server.ts';

/** A contestant's running process. */
export interface Contender {
  readonly contestant: Contestant;
  readonly port: number;
  sample(afterGc?: boolean): Promise<Sample>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('./server.js', import.meta.url));

export interface Surroundings {
  redisUrl: string;
  /** If there is one now. */
  postgresUrl?: string;
  /** Where directories are made. They stay: to remove files slows down whoever makes some next, on some disks. */
  disk: string;
}

/** @param hasFreed it has freed a large buffer before the first request */
export async function startContender(
  contestant: Contestant,
  around: Surroundings,
  hasFreed = false,
): Promise<Contender> {
  mkdirSync(around.disk, { recursive: true });
  const directory = mkdtempSync(join(around.disk, 'contestant-'));
  const args = [contestant.name, around.redisUrl, around.postgresUrl ?? '', directory, hasFreed ? 'freed' : ''];
  const child = fork(program, args, {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const port = Number(Reflect.get(await answerOf<object>(child), 'port'));
  return {
    contestant,
    port,
    sample(afterGc = false) {
      const answer = answerOf<Sample>(child);
      child.send(afterGc ? 'sample after gc' : 'sample');
      return answer;
    },
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.send('close');
        const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
        await ended;
        clearTimeout(timer);
      }
    },
  };
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`A contestant ended with code ${code}.`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as T);
    });
  });
}
