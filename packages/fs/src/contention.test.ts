import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { keyOf, openStore, recordAt, removeTemporaryDirectories, temporaryDirectory } from './testing/directories.ts';
import { type StoreProcess, startProcess, startThreaded } from './testing/store-process.ts';

afterAll(removeTemporaryDirectories);

const contenders = 12;
const killed = 4;
const key = keyOf('the session');

interface Tally {
  /** All that was counted. */
  sum: number;
  /** Who counted how much, as it is stored. */
  stored: Map<string, number>;
  /** How much each was told to have counted. */
  acknowledged: Map<string, number>;
}

function tallyOf(fields: Record<string, string>, processes: readonly StoreProcess[]): Tally {
  const stored = Object.entries(fields).filter(([name]) => name.startsWith('by '));
  return {
    sum: Number(fields['sum']),
    stored: new Map(stored.map(([name, text]) => [name.slice('by '.length), Number(text)])),
    acknowledged: new Map(processes.flatMap((contender) => [...contender.acknowledged])),
  };
}

function totalOf(counts: Map<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** What was acknowledged and is not there. Of a process that died the last one may be there and not acknowledged. */
function lostOf({ stored, acknowledged }: Tally): string[] {
  return [...acknowledged].filter(([name, count]) => (stored.get(name) ?? 0) < count).map(([name]) => name);
}

/** Lets them contend; kills some in the middle of it, and stops and continues the others again and again. */
async function contend(
  start: () => Promise<StoreProcess>,
  begin: (contender: StoreProcess, name: string) => Promise<unknown>,
  forMs: number,
): Promise<StoreProcess[]> {
  const processes = await Promise.all(Array.from({ length: contenders }, start));
  const ends = processes.map((contender, index) => begin(contender, `p${index}`).catch((error: unknown) => error));
  const startedAt = performance.now();
  let kills = 0;
  let isAsleep = false;
  for (let part = 0; part < 1; part = (performance.now() - startedAt) / forMs) {
    const victim = processes[randomInt(killed, contenders)];
    victim?.kill('SIGSTOP');
    await delay(randomInt(1, 20));
    // One of them sleeps for long, with what it has read.
    if (!isAsleep && part > 0.2) void delay(forMs * 0.6).then(() => victim?.kill('SIGCONT'));
    else victim?.kill('SIGCONT');
    // Another one's event loop stands still.
    if (!isAsleep && part > 0.2)
      void processes
        .at(-1)
        ?.call('stall', forMs * 0.6)
        .catch(() => undefined);
    isAsleep ||= part > 0.2;
    if (kills < killed && part > (kills + 0.5) / killed) processes[kills++]?.kill('SIGKILL');
  }
  while (kills < killed) processes[kills++]?.kill('SIGKILL');
  for (const contender of processes) contender.kill('SIGCONT');
  await Promise.all(processes.map((contender) => contender.call('stop').catch(() => undefined)));
  const died = (await Promise.all(ends)).filter((end) => end instanceof Error);
  expect(died.map(({ message }) => message)).toEqual(Array.from({ length: killed }, () => 'died'));
  for (const contender of processes) contender.kill('SIGKILL');
  await Promise.all(processes.map((contender) => contender.ended()));
  console.log(
    `${died.length} of ${contenders} were killed; acknowledged: ${processes.map(({ acknowledged }) => totalOf(acknowledged)).join(' ')}`,
  );
  return processes;
}

describe('12 processes that count in one session, some killed, some stopped and continued again and again', () => {
  it('all that was acknowledged is there, exactly once', async () => {
    const directory = temporaryDirectory();
    const store = openStore({ directory });
    await store.create(key, recordAt(Date.now(), { fields: {} }));
    const start = () => startThreaded({ directory });
    const begin = async (contender: StoreProcess, name: string) => contender.call('contend', key, name);
    const processes = await contend(start, begin, 4000);

    const record = await store.read(key);
    if (record === undefined || record === 'ended') throw new Error('the session is gone');
    const tally = tallyOf(record.fields, processes);
    console.log(`${totalOf(tally.acknowledged)} acknowledged, ${tally.sum} stored`);
    expect(lostOf(tally)).toEqual([]);
    expect(tally.sum).toBe(totalOf(tally.stored));
    expect(totalOf(tally.acknowledged)).toBeGreaterThan(100);
    expect(tally.sum - totalOf(tally.acknowledged)).toBeLessThanOrEqual(2 * contenders);
  });

  it('control: with a rename that does not compare, acknowledged ones are lost', async () => {
    const path = join(temporaryDirectory(), 'session.json');
    writeFileSync(path, '{}');
    const processes = await contend(
      async () => {
        const contender = startProcess();
        await contender.call('hash');
        return contender;
      },
      (contender, name) => contender.call('contendNaively', path, name),
      1000,
    );
    const fields = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
    const tally = tallyOf(fields, processes);
    expect(tally.sum).toBeLessThan(totalOf(tally.acknowledged));
  });
});
