import type { SessionStore } from '@sess/core';
import { StoredMarker } from '../stored-state.ts';
import { type SessionPlace, foundBy, nameOf } from './session-place.ts';

/**
 * One `GET`, and one command more where nothing is found.
 *
 * Only a master may say that there is no such session: one that was demoted has old data. `GETEX` changes nothing, but
 * counts as a write, so a replica refuses it (READONLY), and so does a master that has lost its replicas where
 * `min-replicas-to-write` is set (NOREPLICAS).
 */
export function reading(place: SessionPlace): SessionStore['read'] {
  const { main } = place;
  return async (key, by) => {
    const at = nameOf(place, key);
    const send = () =>
      main
        .usable()
        .getBuffer(at)
        .then((reply) => (reply === null ? main.usable().getexBuffer(at) : reply));
    const found = foundBy(place, key, await main.run({ what: 'a read', by, isRepeatable: true, send }));
    if (found === undefined) return undefined;
    return found instanceof StoredMarker ? found.marker : { record: found.record, version: found };
  };
}
