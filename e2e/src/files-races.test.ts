import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type Session, type Sessions, createSessions } from '@sess/core';
import { fsStore } from '@sess/fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

declare module '@sess/core' {
  interface SessionData {
    views?: number;
  }
}

// Sessions over files, in two "workers" with a store each: whatever order the file calls come in, what was ended
// stays ended. (The orders of single file calls are tried in packages/fs, step by step.)

const rounds = 1_000;
const secret = 'a secret for a test, of 32 bytes or more';

let directory: string;
let workers: [Sessions, Sessions];
let stores: ReturnType<typeof fsStore>[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sess-files-races-'));
  stores = [0, 1].map(() => fsStore({ directory, sweepEveryMs: 0 }));
  const worker = (store: ReturnType<typeof fsStore> | undefined): Sessions => {
    if (store === undefined) throw new Error('a worker without a store');
    return createSessions({ store, secret, logger: false });
  };
  workers = [worker(stores[0]), worker(stores[1])];
});

afterAll(async () => {
  for (const store of stores) await store.close();
  await rm(directory, { recursive: true });
});

async function cookieOf(sessions: Sessions, session: Session): Promise<string> {
  const { setCookie } = await sessions.commit(session);
  return String(setCookie).split(';')[0] ?? '';
}

/** A number of event loop turns that differs from round to round, so that the two requests meet everywhere. */
async function delay(turns: number): Promise<void> {
  for (let left = turns; left > 0; left -= 1) await turn();
}

type Ending = (session: Session) => Promise<unknown>;

const endings: Record<string, Ending> = {
  'the user logs out': (session) => session.destroy(),
  'the session is regenerated': async (session) => {
    await session.regenerate({ owner: 'somebody' });
    await workers[1].commit(session);
  },
  'the session is revoked': (session) => workers[1].revoke(session.handle),
};

describe('a write in flight, on files', () => {
  it.each(Object.entries(endings))(
    `while %s: the old cookie stays dead, ${rounds} times`,
    async (_, end) => {
      let dropped = 0;
      for (let round = 0; round < rounds; round += 1) {
        const begun = await workers[0].open(undefined);
        Object.assign(begun, { user: 'ann', views: round });
        const cookie = await cookieOf(workers[0], begun);
        const [slow, ending] = await Promise.all([workers[0].open(cookie), workers[1].open(cookie)]);
        Object.assign(slow, { seen: round });

        const write = async (): Promise<boolean> => {
          // A regenerate creates before it destroys: a write that is to come behind it waits long.
          await delay((round * 7) % 1601);
          return slow.save().then(
            () => true,
            (error: unknown) => Reflect.get(Object(error), 'code') !== 'SESSION_GONE',
          );
        };
        const finish = async (): Promise<void> => {
          await delay((round * 5) % 13);
          await end(ending);
        };
        const [isWritten] = await Promise.all([write(), finish()]);
        if (!isWritten) dropped += 1;
        // Late, and once more.
        await slow.update('views', (views = 0) => views + 1).catch(() => {});
        await workers[0].commit(slow);

        const after = await workers[round % 2 === 0 ? 0 : 1].open(cookie);
        expect(Object.keys(after), `round ${round}`).toEqual([]);
      }
      // The requests did meet: sometimes the write came first, sometimes the end.
      expect(dropped).toBeGreaterThan(0);
      expect(dropped).toBeLessThan(rounds);
    },
    120_000,
  );

  it('without an end the cookie stays alive: the control', async () => {
    const begun = await workers[0].open(undefined);
    Object.assign(begun, { user: 'ann' });
    const cookie = await cookieOf(workers[0], begun);
    expect(Object.keys(await workers[1].open(cookie))).toEqual(['user']);
  });
});
