import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type MemoryStore, type SessionKey, type SessionRecord, memoryStore } from '@sess/core';
import { type Command, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Draw, drawChange, drawRecord, drawing } from '../test/random-changes.ts';
import { type TestServer, startServer } from '../test/redis-server.ts';
import { change, newKey, newPrefix, record } from '../test/session-fixtures.ts';
import { type RedisStore, redisStore } from './index.ts';

/**
 * Sessions in Redis change where they lie, by byte ranges. Here they go through random changes beside the same sessions
 * in memory, and after each step both hold the same, byte by byte.
 */

/** Keeps what it sent last to a session, so that it can be sent again. */
class RecordingClient extends Redis {
  lastScript: [name: string, ...args: (string | Buffer | number)[]] | undefined;

  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    const command: Command = sent[0];
    const [, , name] = command.args;
    const isOnSession = command.name.startsWith('eval') && !String(name).startsWith(`${prefix}owner:`);
    if (isOnSession) this.lastScript = [command.name, ...command.args.flat()];
    return super.sendCommand(...sent);
  }
}

let server: TestServer;
let clients: [RecordingClient, RecordingClient];
let stores: [RedisStore, RedisStore];
let memory: MemoryStore;
const prefix = newPrefix();

beforeAll(async () => {
  server = await startServer();
  clients = [new RecordingClient(server.port), new RecordingClient(server.port)];
  stores = [redisStore({ client: clients[0], prefix }), redisStore({ client: clients[1], prefix })];
  memory = memoryStore();
});
afterAll(async () => {
  for (const store of stores) await store.close();
  for (const client of clients) client.disconnect();
  await server.dispose();
});

function comparable(found: SessionRecord | 'ended' | undefined) {
  if (typeof found !== 'object') return found;
  const fields = Object.entries(found.fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...found, fields };
}

/** That what lies there is whole: the first line tells the length of the rest, and each text is UTF-8 by itself. */
async function assertWhole(key: SessionKey): Promise<void> {
  const raw = await server.admin.getBuffer(prefix + key);
  assert.ok(raw);
  const end = raw.indexOf('\n');
  const list: unknown = JSON.parse(raw.subarray(raw.indexOf('['), end).toString());
  assert.ok(Array.isArray(list));
  let from = end + 1;
  for (let at = 3; at < list.length; at += 2) {
    new TextDecoder('utf-8', { fatal: true }).decode(raw.subarray(from, (from += Number(list[at]))));
  }
  const unused = list.length % 2 === 1 ? Number(list.at(-1)) : 0;
  assert.equal(from + unused, raw.length);
  assert.ok(unused <= 1024 && (unused === 0 || raw.length >= 4096));
  assert.ok((await server.admin.pttl(prefix + key)) > 0);
}

/** What lies there, in a few characters. */
async function digest(key: SessionKey): Promise<string> {
  const raw = await server.admin.getBuffer(prefix + key);
  return createHash('sha256')
    .update(raw ?? '')
    .digest('hex');
}

/** Sent again, as by a client that lost the answer: what lies there stays as it is. */
async function replay({ lastScript }: RecordingClient, key: SessionKey): Promise<void> {
  assert.ok(lastScript);
  const before = await server.admin.getBuffer(prefix + key);
  const reply = await server.admin.call(...lastScript);
  assert.match(String(reply), /^(applied|created|conflict) /);
  assert.deepEqual(await server.admin.getBuffer(prefix + key), before);
}

async function step(draw: Draw, key: SessionKey, now: number): Promise<void> {
  const which = draw(2);
  const [store, client] = [stores[which] ?? stores[0], clients[which] ?? clients[0]];
  const held = await memory.read(key);
  if (typeof held !== 'object' || draw(40) === 0) {
    const drawn = drawRecord(draw, now);
    assert.equal(await store.create(key, drawn), await memory.create(key, drawn));
  } else if (draw(60) === 0) {
    const removed = await store.destroy(key, { endMarkerMs: 0 });
    assert.deepEqual(comparable(removed), comparable(await memory.destroy(key)));
    return;
  } else {
    const drawn = drawChange(draw, now, held.fields);
    assert.equal(await store.update(key, drawn), await memory.update(key, drawn));
    if (draw(4) === 0) await replay(client, key);
  }
  assert.deepEqual(comparable(await store.read(key)), comparable(await memory.read(key)));
  await assertWhole(key);
}

/** `MODEL_SEEDS=1000:500` goes on from seed 1000 for 500 sessions. */
const [firstSeed = 1, seeds = 30] = (process.env['MODEL_SEEDS'] ?? '').split(':').filter(Boolean).map(Number);

describe('a session that is changed in random ways', () => {
  it('holds at each step what it holds in memory', async () => {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const draw = drawing(seed);
      const key = newKey();
      const now = Date.now();
      for (let at = 0; at < 40; at++) {
        try {
          await step(draw, key, now);
        } catch (error) {
          throw new Error(`seed ${seed}, step ${at}`, { cause: error });
        }
      }
    }
    expect(clients.every(({ lastScript }) => lastScript)).toBe(true);
  }, 600_000);

  it('is as it was when Redis refuses a change of a part of it', async () => {
    const key = newKey();
    const long = 'x'.repeat(700_000);
    await stores[0].create(key, record({ long, short: '"old"' }));
    await stores[0].update(key, change({ set: { longer: long } }));
    const before = await digest(key);
    await server.admin.config('SET', 'proto-max-bulk-len', '1mb');
    try {
      await expect(stores[0].update(key, change({ set: { short: '"newer"' } }))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
      expect(await digest(key)).toBe(before);
    } finally {
      await server.admin.config('SET', 'proto-max-bulk-len', '512mb');
    }
    // The control: it was the limit that refused it.
    expect(await stores[0].update(key, change({ set: { short: '"newer"' } }))).toBe('applied');
    expect(await digest(key)).not.toBe(before);
    const found = await stores[0].read(key);
    assert.ok(typeof found === 'object');
    expect(found.fields['short']).toBe('"newer"');
    expect(found.fields['long'] === long && found.fields['longer'] === long).toBe(true);
  });
});
