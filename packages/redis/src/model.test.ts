import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { SessionKey, SessionRecord } from '@sess/core';
import { stringOf } from '@sess/core/internal';
import { type Command, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Draw, drawNext, drawRecord, drawing } from '../test/random-changes.ts';
import { type TestServer, startServer } from '../test/redis-server.ts';
import { by, newKey, newPrefix, record, sessionOf, stored, update } from '@sess/store-tests/internal';
import { type RedisStore, redisStore } from './index.ts';

/**
 * Long sessions change where they lie, by byte ranges. Here sessions go through random changes, and after each step what
 * is read is what was written, text by text.
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
const prefix = newPrefix();

beforeAll(async () => {
  server = await startServer();
  clients = [new RecordingClient(server.port), new RecordingClient(server.port)];
  await Promise.all(clients.map((client) => client.ping()));
  stores = [redisStore({ client: clients[0], prefix }), redisStore({ client: clients[1], prefix })];
});
afterAll(async () => {
  for (const store of stores) await store.close();
  for (const client of clients) client.disconnect();
  await server.dispose();
});

function comparable({ fields, ...rest }: SessionRecord) {
  const texts = Object.entries(fields).map(([name, text]) => [name, stringOf(text)] as const);
  return { ...rest, fields: texts.toSorted(([a], [b]) => (a < b ? -1 : 1)) };
}

/** That what lies there is whole: the first line tells the length of the rest, and each text is UTF-8 by itself. */
async function assertWhole(key: SessionKey): Promise<void> {
  const raw = await server.admin.getBuffer(prefix + key);
  assert.ok(raw);
  const end = raw.indexOf('\n');
  const list: unknown = JSON.parse(raw.subarray(raw.indexOf('['), end).toString());
  assert.ok(Array.isArray(list));
  let from = end + 1;
  for (let at = 7; at < list.length; at += 2) {
    new TextDecoder('utf-8', { fatal: true }).decode(raw.subarray(from, (from += Number(list[at]))));
  }
  const unused = raw.subarray(from).toString();
  assert.equal(unused, ' '.repeat(unused.length));
  assert.ok(unused.length <= 1024 && (unused === '' || raw.length >= 2048));
  assert.match(raw.subarray(0, end).toString(), new RegExp(` ${raw.length - end - 1} \\[`));
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
  assert.notEqual(reply, 1);
  assert.deepEqual(await server.admin.getBuffer(prefix + key), before);
}

/** Writes a random record in the place of what is held, by one of two workers, and reads it by the other one. */
async function step(draw: Draw, key: SessionKey, now: number, held: SessionRecord | undefined) {
  const [mine, theirs] = draw(2) === 0 ? ([0, 1] as const) : ([1, 0] as const);
  const store = stores[mine];
  if (held === undefined) {
    const drawn = drawRecord(draw, now);
    assert.ok(await store.create(key, drawn, by()));
    return drawn;
  }
  const found = sessionOf(await store.read(key, by()));
  assert.deepEqual(comparable(found.record), comparable(held));
  if (draw(60) === 0) {
    const removed = await store.destroy(key, {}, by());
    assert.ok(removed && !('ended' in removed));
    assert.deepEqual(comparable(removed), comparable(held));
    return undefined;
  }
  let next = drawNext(draw, now, found.record);
  let outcome = await store.replace(key, found.version, next, by());
  if (outcome.verdict === 'replaced' && draw(2) === 0) {
    // On top of what this worker has written itself, and not read.
    next = drawNext(draw, now, next);
    outcome = await store.replace(key, outcome.version, next, by());
  }
  assert.equal(outcome.verdict, 'replaced');
  if (draw(4) === 0) await replay(clients[mine], key);
  assert.deepEqual(comparable(sessionOf(await stores[theirs].read(key, by())).record), comparable(next));
  await assertWhole(key);
  return next;
}

/** `MODEL_SEEDS=1000:500` goes on from seed 1000 for 500 sessions. */
const [firstSeed = 1, seeds = 30] = (process.env['MODEL_SEEDS'] ?? '').split(':').filter(Boolean).map(Number);

describe('a session that is changed in random ways', () => {
  it('holds at each step what was written', async () => {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const draw = drawing(seed);
      const key = newKey();
      const now = Date.now();
      let held: SessionRecord | undefined;
      for (let at = 0; at < 40; at++) {
        try {
          held = await step(draw, key, now, held);
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
    await stores[0].create(key, record({ long, longer: long, short: '"old"' }), by());
    const before = await digest(key);
    await server.admin.config('SET', 'proto-max-bulk-len', '1mb');
    try {
      await expect(update(stores[0], key, { long: 'y'.repeat(700_000), short: '"newer"' })).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
      expect(await digest(key)).toBe(before);
    } finally {
      await server.admin.config('SET', 'proto-max-bulk-len', '512mb');
    }
    // The control: it was the limit that refused it.
    expect(await update(stores[0], key, { short: '"newer"' })).toBe('replaced');
    expect(await digest(key)).not.toBe(before);
    expect(await stored(stores[0], key)).toHaveProperty('fields', { long, longer: long, short: '"newer"' });
  });
});
