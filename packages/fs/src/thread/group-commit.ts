import { setImmediate as nextTurn } from 'node:timers/promises';

/** Carries a confirmation by the disk out, with those of others, and resolves when the disk has all of them. */
export type GroupCommit = (sync: () => void) => Promise<void>;

interface Waiting {
  sync(): void;
  resolve(): void;
  reject(error: unknown): void;
}

/** Others come to their turn meanwhile: who reads should not wait for all that write. */
const longestMs = 2;

/**
 * What writers wait for at the same moment is confirmed one behind the other, and then all of them go on. The first
 * confirmation of a name makes a file system write its journal, in which the names of the others are too: theirs cost
 * little then. One by one, each write would have its journal written twice.
 *
 * @param beforeWait what to do before the thread waits for the disk
 */
export function groupCommit(beforeWait: () => void): GroupCommit {
  let waiting: Waiting[] = [];
  let isAtWork = false;

  async function confirm(group: readonly Waiting[]): Promise<void> {
    const outcomes: (() => void)[] = [];
    let since = performance.now();
    for (const { sync, resolve, reject } of group) {
      try {
        sync();
        outcomes.push(resolve);
      } catch (error) {
        outcomes.push(() => reject(error));
      }
      if (performance.now() - since < longestMs) continue;
      await nextTurn();
      beforeWait();
      since = performance.now();
    }
    for (const tell of outcomes) tell();
  }

  async function confirmAll(): Promise<void> {
    isAtWork = true;
    while (waiting.length > 0) {
      // Those who go on from the group before, and what has arrived meanwhile, come to the same point first.
      await nextTurn();
      beforeWait();
      const group = waiting;
      waiting = [];
      await confirm(group);
    }
    isAtWork = false;
  }

  return (sync) =>
    new Promise((resolve, reject) => {
      waiting.push({ sync, resolve, reject });
      if (!isAtWork) void confirmAll();
    });
}
