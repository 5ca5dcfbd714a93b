import type { ReplaceOutcome, SessionKey, Succession } from '@sess/core';
import { succeedScript } from '../scripts/session-scripts.ts';
import { endsChannel } from '../session-ends.ts';
import { encodeMarker, startOf } from '../session-record.ts';
import { StoredMarker, type StoredState } from '../stored-state.ts';
import { type SessionPlace, foundBy, nameOf, wholeMs } from './session-place.ts';

/** One script, which compares and leaves an end marker. Replicas confirm it like a destroy. */
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
    const marker = encodeMarker(key, name, successor);
    const args = [startOf(key, before.name), marker, String(ms), endsChannel(place.prefix)];
    const send = () => link.evaluate(succeedScript, at, args);
    const reply = await run({ what: 'a succession', by, isRepeatable: true, send });
    if (reply === null) return { verdict: 'gone' };
    const stored = foundBy(place, key, reply);
    // A command that was sent again may meet the end marker that its first copy has left.
    if (stored === undefined || stored.name === name) return { verdict: 'replaced', version: undefined };
    if (stored instanceof StoredMarker) return { verdict: 'gone' };
    return { verdict: 'conflict', stored: { record: stored.record, version: stored } };
  };
}
