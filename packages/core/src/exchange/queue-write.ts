import { AsyncResource } from 'node:async_hooks';

import type { BoundedStore } from '../bounded-store.ts';
import type { Timeouts } from '../expiry.ts';
import type { RecordChange } from '../record-change.ts';
import type { SessionKey, StoredSession } from '../store.ts';
import { type WriteOutcome, WriteQueue } from './write-queue.ts';

/**
 * Not a `Map`: one that changes with every write leaves old tables in memory, and what each of them last held, whole
 * requests, is freed only by a full garbage collection.
 */
type Queues = Record<SessionKey, WriteQueue | undefined>;

const slot = Symbol.for('@sess/core write queues v6');

/** Bundlers load modules twice; the writers of one session must meet all the same. */
function queuesOf(store: BoundedStore): Queues {
  const shared: typeof globalThis & { [slot]?: WeakMap<BoundedStore, Queues> } = globalThis;
  const ofStores = (shared[slot] ??= new WeakMap());
  let queues = ofStores.get(store);
  if (queues === undefined) ofStores.set(store, (queues = Object.create(null) as Queues));
  return queues;
}

/**
 * Writes a change of a stored session, together with whoever else in this process is about to.
 *
 * @param known the session as the caller last saw it
 */
export function queueWrite(
  store: BoundedStore,
  key: SessionKey,
  known: StoredSession | undefined,
  change: RecordChange,
  timeouts: Timeouts,
): Promise<WriteOutcome> {
  const queues = queuesOf(store);
  const running = queues[key];
  if (running !== undefined) return running.add(boundToCaller(change), known);
  const queue = new WriteQueue(store, key, timeouts);
  const outcome = queue.add(change, known);
  queues[key] = queue;
  void queue.run(() => delete queues[key]);
  return outcome;
}

/** An update's function is the app's, and runs in its own request's context. */
function boundToCaller(change: RecordChange): RecordChange {
  const { update } = change;
  if (update === undefined) return change;
  return { ...change, update: { key: update.key, revise: AsyncResource.bind((text) => update.revise(text)) } };
}
