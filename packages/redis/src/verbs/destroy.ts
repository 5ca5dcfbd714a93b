import { SessError, type SessionKey, type SessionStore } from '@sess/core';
import { answerLost } from '../connection/redis-errors.ts';
import { destroyScript } from '../scripts/session-scripts.ts';
import { endsChannel } from '../session-ends.ts';
import { encodeMarker, identityOf } from '../session-record.ts';
import { StoredMarker, type StoredState } from '../stored-state.ts';
import { type SessionPlace, foundBy, nameOf, wholeMs } from './session-place.ts';

/** One script, which hands back what it removes. */
export function destroying(place: SessionPlace): SessionStore['destroy'] {
  const { link, run } = place.lasting;
  return async (key, { endMarkerMs = 0 }, by) => {
    const at = nameOf(place, key);
    const name = place.newName();
    const markerMs = wholeMs(endMarkerMs);
    const marker = markerMs > 0 ? encodeMarker(key, name) : '';
    const args = [identityOf(key), marker, String(markerMs), endsChannel(place.prefix)];
    let sentAt = Infinity;

    const send = () => {
      sentAt = Math.min(sentAt, performance.now());
      return link.evaluate(destroyScript, at, args);
    };
    const reply = await run({ what: 'a destroy', by, isRepeatable: true, send });
    const found = Array.isArray(reply) ? removedBy(place, key, reply[0]) : foundBy(place, key, reply);
    // An earlier copy of this destroy may have removed the session, and its answer was lost. Its own end marker shows that.
    // Without one, all that is known is that a connection was lost.
    const isDoubtful = found === undefined && link.lostAt >= sentAt;
    if (isDoubtful || (found instanceof StoredMarker && found.name === name)) throw answerLost();
    return found instanceof StoredMarker ? found.marker : found?.record;
  };
}

/** What the script takes for whole may still have a garbled first line. Then it is gone all the same. */
function removedBy(place: SessionPlace, key: SessionKey, reply: unknown): StoredState | StoredMarker | undefined {
  try {
    return foundBy(place, key, reply);
  } catch (error) {
    throw new SessError('STORE_CORRUPT', `The session ${key} was destroyed; what it held was torn.`, { cause: error });
  }
}
