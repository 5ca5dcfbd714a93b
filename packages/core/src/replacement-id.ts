import type { SessionKey } from './store.ts';

/**
 * The write id that a session's next record under a new key has from the beginning. Until the old record ends nothing else
 * tells that the two are one session, and "log out everywhere but here" must not end the half of it that is new.
 *
 * @returns 16 characters, none of which says more than the key, which is public
 */
export function replacementId(old: SessionKey): string {
  return `of-${old.slice(0, 13)}`;
}
