import { type ReplaceOutcome, type SessionKey, type SessionRecord, type SessionStore, isSuccession } from '@sess/core';
import { isRenewalDue } from '../owner-index.ts';
import { replaceScript } from '../scripts/session-scripts.ts';
import { draft } from '../session-layout.ts';
import { startOf } from '../session-record.ts';
import { StoredMarker, type StoredState, stateOf } from '../stored-state.ts';
import { type SessionPlace, foundBy, nameOf, timeLeft } from './session-place.ts';
import { succeeding } from './succeed.ts';

/** One script, which compares and writes. */
export function replacing(place: SessionPlace): SessionStore['replace'] {
  const succeed = succeeding(place);
  const rewrite = rewriting(place);
  return async (key, version, next, by) =>
    isSuccession(next) ? succeed(key, stateOf(version), next, by) : rewrite(key, stateOf(version), next, by);
}

type Replacing<Next> = (key: SessionKey, before: StoredState, next: Next, by: number) => Promise<ReplaceOutcome>;

function rewriting(place: SessionPlace): Replacing<SessionRecord> {
  const { main, index } = place;

  /** Once in a while a session that stays in use renews its entry. Nobody waits for it. */
  function renewEntry(owner: string, key: SessionKey, record: SessionRecord): void {
    const send = () => index.send(main, owner, key, timeLeft(record));
    main.run({ what: 'a renewal', by: main.soon(), isRepeatable: true, send }).catch(() => {});
  }

  return async (key, before, record, by) => {
    const at = nameOf(place, key);
    const { owner } = record;
    const ttl = timeLeft(record);
    const { state, parts, grows } = draft(key, record, place.newName(), before);
    // A record without time left must be written before its expiry is set, which removes it.
    const isExpiryLast = grows || ttl === 0;
    const args = [startOf(key, before.name), String(ttl), isExpiryLast ? '1' : '0', ...parts];
    let sentAt = Infinity;

    const send = async () => {
      if (owner !== undefined && owner !== before.record.owner) await index.send(main, owner, key, ttl);
      sentAt = Math.min(sentAt, performance.now());
      return main.evaluate(replaceScript, at, args);
    };
    const reply = await main.run({ what: 'a replace', by, isRepeatable: true, send });
    if (reply === null) return { verdict: 'gone' };
    const stored = foundBy(place, key, reply);
    if (stored instanceof StoredMarker) return { verdict: 'gone' };
    // A command that was sent again may meet what its first copy has written.
    if (stored === undefined || stored.name === state.name) {
      if (owner !== undefined && owner === before.record.owner && isRenewalDue(before.record, record))
        renewEntry(owner, key, record);
      return { verdict: 'replaced', version: state };
    }
    const isDoubtful = main.lostAt >= sentAt;
    return {
      verdict: 'conflict',
      stored: { record: stored.record, version: stored },
      ...(isDoubtful && { isDoubtful }),
    };
  };
}
