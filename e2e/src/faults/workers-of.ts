import { setTimeout as pause } from 'node:timers/promises';
import { Visitor } from '../http-client.ts';

/** As many as each app of a row has. */
export const workers = 3;

const patienceMs = 20_000;

/** The process ids of the workers that answer: each answer names its process, and connections are dealt in turn. */
export async function workersOf(url: string): Promise<number[]> {
  for (const giveUpAt = Date.now() + patienceMs; Date.now() < giveUpAt; await pause(50)) {
    const asks = Array.from({ length: 2 * workers }, () => new Visitor(url).me().catch(() => ({ pid: undefined })));
    const pids = (await Promise.all(asks)).map((me) => Number(me['pid']));
    const found = [...new Set(pids)].filter((pid) => pid > 0);
    if (found.length > 0) return found;
  }
  throw new Error(`No worker has answered within ${patienceMs} ms.`);
}
