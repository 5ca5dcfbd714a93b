import { setTimeout as pause } from 'node:timers/promises';

/** Asks again and again until it is so, and gives up after a while. */
export async function until(isSo: () => Promise<boolean> | boolean, patienceMs = 15_000): Promise<void> {
  for (const giveUpAt = Date.now() + patienceMs; !(await isSo());) {
    if (Date.now() > giveUpAt) throw new Error(`It is not so after ${patienceMs} ms: ${isSo.toString()}`);
    await pause(20);
  }
}
