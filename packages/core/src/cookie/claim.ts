import type { OneRecordStore } from './one-record-store.ts';
import type { BoundedStore } from '../bounded-store.ts';
import type { SessionKey } from '../store.ts';

/** What a verified cookie stands for: a session's key, and where its record is kept. */
export interface Claim {
  readonly key: SessionKey;
  readonly store: BoundedStore;
  /** The store of a cookie session, whose record came with the request: nothing of it needs to be waited for. */
  readonly atHand: OneRecordStore | undefined;
  /** Another request has made the token, and sends it: this one has no cookie to give. */
  readonly isSuccessor: boolean;
  /** The cookie value that carries the claim. */
  cookieValue(): string;
}

/** How the browser carries its claim: a signed token, or (cookie sessions) the whole session. */
export interface Carrier {
  /** The claim of a cookie value, or `undefined`: we did not sign it. Nothing is looked up. */
  verify(value: string): Claim | undefined;
  mint(): Claim;
  /** The claim of a token that follows from another library's cookie. Absent where the cookie holds the session. */
  claimOf?(token: string): Claim;
  /** How long a verb of its store takes at most, in milliseconds. */
  readonly boundMs: number;
  /** The cookie holds the session itself, so each change needs a new one. */
  readonly holdsSession: boolean;
}
