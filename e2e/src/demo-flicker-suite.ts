import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { NoAnswer, Visitor, inParallel } from './http-client.ts';
import { type DemoDescription, type RunningDemo, type StartOptions, startDemo } from './start-demo.ts';

const users = 50;
const requests = 1_000;
const width = 16;
/** More than there are workers: those that came in the place of others are killed too. */
const kills = 6;

interface Tally {
  right: number;
  wrong: number;
  /** Answers that are neither: never counted as right. */
  failed: string[];
  resets: number;
  unanswered: number;
  pids: Set<number>;
  workers: Set<number>;
}

const emptyTally = (): Tally => ({
  right: 0,
  wrong: 0,
  failed: [],
  resets: 0,
  unanswered: 0,
  pids: new Set(),
  workers: new Set(),
});

/** The figures belong into the log of the test: how many requests ran, and what became of them. */
function report(what: string, { right, wrong, failed, resets, unanswered, pids }: Tally): void {
  const rest = `${failed.length} failed, ${resets} resets, ${unanswered} unanswered, ${pids.size} processes`;
  console.log(`${what}: ${right} right, ${wrong} wrong, ${rest}`);
}

/** A connection that its worker took along when it was killed. Everything else is a failure of ours. */
function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

async function look(visitor: Visitor, user: string, tally: Tally): Promise<void> {
  try {
    const me = await visitor.me(3_000);
    tally.pids.add(Number(me['pid']));
    tally.workers.add(Number(me['worker']));
    if (me['user'] === user) tally.right += 1;
    else tally.wrong += 1;
  } catch (error) {
    if (isReset(error)) tally.resets += 1;
    else if (error instanceof NoAnswer) tally.unanswered += 1;
    else tally.failed.push(error instanceof Error ? error.message : String(error));
  }
}

async function logIn(demo: RunningDemo): Promise<{ user: string; visitor: Visitor }[]> {
  const people = Array.from({ length: users }, (_, index) => ({
    user: `user-${index}`,
    visitor: new Visitor(demo.url),
  }));
  await inParallel(
    people.map(
      ({ user, visitor }) =>
        () =>
          visitor.login(user),
    ),
    width,
  );
  return people;
}

async function withDemo(
  description: DemoDescription,
  options: StartOptions,
  use: (demo: RunningDemo) => Promise<void>,
): Promise<void> {
  const demo = await startDemo(description, options);
  try {
    const { store } = await new Visitor(demo.url).me();
    expect(store).toBe(options.store);
    await use(demo);
  } finally {
    await demo.stop();
  }
}

async function flickerTally(demo: RunningDemo): Promise<Tally> {
  const people = await logIn(demo);
  const tally = emptyTally();
  const looks = Array.from({ length: requests / users }, () => people).flat();
  await inParallel(
    looks.map(
      ({ user, visitor }) =>
        () =>
          look(visitor, user, tally),
    ),
    width,
  );
  return tally;
}

type StoreName = 'fs' | 'redis' | 'postgres';

/** The main promise: whoever answers knows you. */
export function testFlicker(description: DemoDescription, store: StoreName): void {
  describe(`${description.framework} demo: 1,000 requests of 50 users over 4 workers`, () => {
    test(`on ${store} nobody is ever taken for logged out`, { timeout: 60_000 }, async () => {
      await withDemo(description, { store }, async (demo) => {
        const tally = await flickerTally(demo);
        report(store, tally);
        expect(tally).toMatchObject({ right: requests, wrong: 0, failed: [], resets: 0, unanswered: 0 });
        expect(tally.pids.size).toBe(4);
      });
    });
  });
}

/** Shows that the test would see the promise broken: once for each framework. */
export function testFlickerControl(description: DemoDescription): void {
  describe(`${description.framework} demo: 1,000 requests of 50 users over 4 workers`, () => {
    test('control: in the memory of each worker, hundreds are', { timeout: 60_000 }, async () => {
      await withDemo(description, { store: 'memory' }, async (demo) => {
        const tally = await flickerTally(demo);
        report('memory', tally);
        expect(tally.failed).toEqual([]);
        expect(tally.pids.size).toBe(4);
        expect(tally.wrong).toBeGreaterThan(200);
      });
    });
  });
}

/** One worker after the other: each store once with Express, each other framework with one store. */
export function testKills(description: DemoDescription, store: StoreName): void {
  describe(`${description.framework} demo: 1,000 requests of 50 users over 4 workers`, () => {
    test(`on ${store} nobody is while one worker after the other is killed`, { timeout: 120_000 }, async () => {
      await withDemo(description, { store }, async (demo) => {
        const people = await logIn(demo);
        const tally = emptyTally();
        const killed: number[] = [];

        let isOver = false;
        const lane = async (first: number): Promise<void> => {
          for (let index = first; !isOver || tally.right < requests; index += width) {
            const person = people[index % users];
            if (person !== undefined) await look(person.visitor, person.user, tally);
          }
        };
        const killer = async (): Promise<void> => {
          const deadline = Date.now() + 60_000;
          while (killed.length < kills && Date.now() < deadline) {
            const { pid } = await new Visitor(demo.url).me(3_000).catch(() => ({ pid: 0 }));
            // A worker in turn: the one that answers us now, unless it was a victim before.
            if (Number(pid) > 0 && !killed.includes(Number(pid))) {
              const started = tally.pids.size;
              process.kill(Number(pid), 'SIGKILL');
              killed.push(Number(pid));
              // Its place is taken before the next one dies: a framework that starts slowly keeps its other workers.
              while (tally.pids.size <= started && Date.now() < deadline) await pause(50);
            }
            await pause(500);
          }
          isOver = true;
        };
        await Promise.all([killer(), ...Array.from({ length: width }, (_, index) => lane(index))]);

        report(`${store}, ${killed.length} workers killed`, tally);
        expect(killed).toHaveLength(kills);
        expect(tally.wrong).toBe(0);
        expect(tally.failed).toEqual([]);
        expect(tally.right).toBeGreaterThanOrEqual(requests);
        // Every place was filled again, by new processes.
        expect(tally.workers).toEqual(new Set([1, 2, 3, 4]));
        expect(tally.pids.size).toBeGreaterThan(4);
        // A killed worker takes along what it was just doing.
        expect(tally.resets).toBeLessThanOrEqual(killed.length * width);
        // And the one connection that the primary was handing to it: Node.js neither closes it nor gives it to another.
        expect(tally.unanswered).toBeLessThanOrEqual(killed.length);
      });
    });
  });
}
