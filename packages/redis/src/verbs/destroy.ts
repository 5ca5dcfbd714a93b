import type { SessionStore } from '@sess/core';
import { answerLost } from '../connection/redis-errors.ts';
import { destroyScript } from '../scripts/session-scripts.ts';
import { encodeMarker, identityOf } from '../session-record.ts';
import { StoredMarker } from '../stored-state.ts';
import { type SessionPlace, foundBy, nameOf, wholeMs } from './session-place.ts';

/** One script, which hands back what it removes. */
export function destroying(place: SessionPlace): SessionStore['destroy'] {
  const { link, run } = place.lasting;
  return async (key, { endMarkerMs = 0, successor }, by) => {
    const at = nameOf(place, key);
    const name = place.newName();
    const markerMs = wholeMs(endMarkerMs);
    const marker = markerMs > 0 ? encodeMarker(key, name, successor) : '';
    const args = [identityOf(key), marker, String(markerMs)];
    let sentAt = Infinity;

    const send = () => {
      sentAt = Math.min(sentAt, performance.now());
      return link.evaluate(destroyScript, at, args);
    };
    const found = foundBy(place, key, await run({ what: 'a destroy', by, isRepeatable: true, send }));
    // An earlier copy of this destroy may have removed the session, and its answer was lost: by its own end marker that is
    // known. Without one, all that is known is that a connection was lost.
    const isDoubtful = found === undefined && link.lostAt >= sentAt;
    if (isDoubtful || (found instanceof StoredMarker && found.name === name)) throw answerLost();
    return found instanceof StoredMarker ? found.marker : found?.record;
  };
}
