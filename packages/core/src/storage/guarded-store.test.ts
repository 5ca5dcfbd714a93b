import { describe, expect, it } from 'vitest';

import { keyOf } from '../cookie/token.ts';
import { probeStore } from '../testing/probe-store.ts';
import { allEvents, watchEvents } from '../testing/test-app.ts';
import { GuardedStore } from './guarded-store.ts';

const key = keyOf('session');
const times = { touchedAt: Date.now(), expiresAt: Date.now() + 60_000 };

describe('what a store was asked', () => {
  it('is an event for each operation, with its time, and no data', async () => {
    const inner = probeStore();
    const store = new GuardedStore(inner, 1_000);
    const events = watchEvents(allEvents);
    await store.create(key, { fields: { note: '"canary"' }, createdAt: times.touchedAt, ...times });
    await store.read(key);
    await store.update(key, { ...times, set: { note: '"canary again"' } });
    await store.ask('check', async () => []);
    await store.destroy(key);
    events.stop();
    expect(events.names()).toEqual(Array.from({ length: 5 }, () => 'storeAnswered'));
    expect(events.seen.map(({ event }) => [event['operation'], event['handle']])).toEqual([
      ['create', key],
      ['read', key],
      ['update', key],
      ['check', undefined],
      ['destroy', key],
    ]);
    for (const { event } of events.seen)
      expect(event).toEqual({ operation: expect.any(String), handle: event['handle'], durationMs: expect.any(Number) });
  });

  it('is one event, answered or failed, never both', async () => {
    const inner = probeStore();
    const store = new GuardedStore(inner, 1_000);
    inner.before = () => {
      throw new Error('no route to host');
    };
    const events = watchEvents(allEvents);
    await expect(store.read(key)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    inner.before = undefined;
    await store.read(key);
    events.stop();
    expect(events.names()).toEqual(['storeError', 'storeAnswered']);
  });
});
