import type { SessionKey, SessionStore } from '@sess/core';
import { isCluster } from '../connection/redis-client.ts';
import { insideMulti, isQueued } from '../connection/redis-errors.ts';
import { assertSessionKey } from '../session-key.ts';
import { type Draft, draft } from '../session-layout.ts';
import { type SessionPlace, foundBy, nameOf, timeLeft } from './session-place.ts';

/** One `SET NX`, and with an owner the entry in the index before it. */
export function creating(place: SessionPlace): SessionStore['create'] {
  const { lasting, index } = place;
  const { link, run } = lasting;

  async function store(key: SessionKey, { state, parts }: Draft, ttl: number): Promise<boolean> {
    const at = nameOf(place, key);
    const [whole = ''] = parts;
    // `PXAT 1` is long past: a session that ends as it begins is never seen.
    const setting =
      ttl > 0 ? link.usable().set(at, whole, 'PX', ttl, 'NX') : link.usable().set(at, whole, 'PXAT', 1, 'NX');
    const reply: unknown = await setting;
    if (isQueued(reply)) throw insideMulti(link.where());
    if (reply !== null) return true;
    // Taken, perhaps by this very create, sent before the connection was lost.
    return foundBy(place, key, await link.usable().getBuffer(at))?.name === state.name;
  }

  async function storeWithEntry(owner: string, key: SessionKey, made: Draft, ttl: number): Promise<boolean> {
    const entering = index.send(link, owner, key, ttl);
    if (isCluster(link.client)) {
      await entering;
      return store(key, made, ttl);
    }
    // One round trip: on one connection the entry is there before the session is.
    const [entered, stored] = await Promise.allSettled([entering, store(key, made, ttl)]);
    if (stored.status === 'rejected') throw stored.reason;
    if (entered.status === 'fulfilled') return stored.value;
    // A session that is missing from its index must not stay. Nobody has its token yet.
    if (stored.value) await link.usable().del(nameOf(place, key));
    throw entered.reason;
  }

  return async (key, record, by) => {
    assertSessionKey(key);
    const { owner } = record;
    const ttl = timeLeft(record);
    const made = draft(key, record, place.newName());
    const send = () => (owner === undefined ? store(key, made, ttl) : storeWithEntry(owner, key, made, ttl));
    const isStored = await run({ what: 'a create', by, isRepeatable: true, send });
    return isStored ? { version: made.state } : undefined;
  };
}
