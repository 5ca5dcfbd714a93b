import type { ReplaceOutcome, SessionKey, Succession } from '@sess/core';
import { replaceScript } from '../scripts/session-scripts.ts';
import { encodeMarker, startOf } from '../session-record.ts';
import { StoredMarker, type StoredState } from '../stored-state.ts';
import { type SessionPlace, foundBy, nameOf, wholeMs } from './session-place.ts';

/** The same script: what it writes is an end marker. Replicas confirm it like a destroy. */
export function succeeding(place: SessionPlace) {
  const { link, run } = place.lasting;
  return async (
    key: SessionKey,
    before: StoredState,
    { successor, endMarkerMs }: Succession,
    by: number,
  ): Promise<ReplaceOutcome> => {
    const at = nameOf(place, key);
    const name = place.newName();
    const ms = wholeMs(endMarkerMs);
    const args = [startOf(key, before.name), String(ms), ms === 0 ? '1' : '0', encodeMarker(key, name, successor)];
    const send = () => link.evaluate(replaceScript, at, args);
    const reply = await run({ what: 'a succession', by, isRepeatable: true, send });
    if (reply === null) return { verdict: 'gone' };
    const stored = foundBy(place, key, reply);
    // What was sent again may meet the end marker that its first copy has left.
    if (stored === undefined || stored.name === name) return { verdict: 'replaced', version: undefined };
    if (stored instanceof StoredMarker) return { verdict: 'gone' };
    return { verdict: 'conflict', stored: { record: stored.record, version: stored } };
  };
}
