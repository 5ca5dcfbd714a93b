import { describe, expect, it } from 'vitest';

import { keyOf } from '../cookie/token.ts';
import { plantedRecord } from '../testing/other-process.ts';
import { probeStore } from '../testing/probe-store.ts';
import { allEvents, watchEvents } from '../testing/test-app.ts';
import { GuardedStore } from './guarded-store.ts';

const key = keyOf('session');

describe('what a store was asked', () => {
  it('is an event for each operation, with its time, and no data', async () => {
    const inner = probeStore();
    const store = new GuardedStore(inner, 1_000);
    const events = watchEvents(allEvents);
    const record = plantedRecord({ note: '"canary"' });
    const created = await store.create(key, record);
    await store.read(key);
    const again = { ...record, fields: { note: '"canary again"' } };
    await store.replace(key, created?.version, again);
    await store.ask('check', async () => []);
    await store.destroy(key);
    events.stop();
    expect(events.names()).toEqual(Array.from({ length: 5 }, () => 'storeAnswered'));
    expect(events.seen.map(({ event }) => [event['operation'], event['handle']])).toEqual([
      ['create', key],
      ['read', key],
      ['replace', key],
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
