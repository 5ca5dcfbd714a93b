import type { Carrier, Claim } from '../cookie/claim.ts';
import { type Timeouts, deadlineAt, isTouchDue } from '../expiry.ts';
import { Fields } from './fields.ts';
import type { FieldText, SessionKey, SessionRecord, SessionSettings, StoredSession, Successor } from '../store.ts';

/**
 * - `new`: there is no record, and none is made unless data or an owner asks for it.
 * - `stored`: the store had the record when it was last asked.
 * - `ended`: the request's cookie stands for a session that was just destroyed or regenerated.
 * - `gone`: the record was there at the beginning of the request, and is not any more.
 */
export type Standing = 'new' | 'stored' | 'ended' | 'gone';

/** How the request itself ended its session. */
export type Closing = 'replaced' | 'destroyed';

/** The session that a regenerated one replaces, and the keys that go over to the new one. */
export interface Replaced {
  state: SessionState;
  keep: true | readonly string[];
  /**
   * The new session stays even if the old one was already gone: it is a login (an owner was named), or it follows this
   * request's own logout. A rotation must not outlive a logout elsewhere, not even one that keeps its owner.
   */
  survives: boolean;
  /** What is told to those who come with the old cookie. */
  by: Successor['by'];
  /** What the request itself has changed, as of the last try. */
  own?: { keys: ReadonlySet<string>; settings: SessionSettings | undefined };
  /** What the new session holds of the old one, where that is not what the request had read. */
  taken?: StoredSession | undefined;
}

/** One session as one request knows it, behind the object that the app sees. */
export class SessionState {
  standing: Standing;
  closing: Closing | undefined;
  fields: Fields;
  createdAt: number;
  touchedAt: number;
  expiresAt: number;
  owner: string | undefined;
  settings: SessionSettings | undefined;
  /** Settings that the app has changed, where that is not stored yet. */
  changedSettings: SessionSettings | undefined;
  /** The session as the store was last seen to hold it: what the next write is compared with. */
  stored: StoredSession | undefined;
  /** `persistent` was changed, so the browser needs the cookie again. */
  persistenceChanged = false;
  /** The browser is to get the cookie again, once the store has confirmed that the session lives. */
  cookieWanted = false;
  /** A login: the sessions of the browser's other valid cookies end with it. */
  endsRivals = false;
  /** A change that came after the answer and was dropped: an explicit `save()` must not say that it is stored. */
  refusedChange: string | undefined;
  /** The app asked for a touch. */
  touchWanted = false;
  /** The commit touches once more before it sends the cookie, since another request may have ended the session. */
  isToBeAsked = false;
  /** A touch was tried. Whatever came of it, this request makes no other one by itself. */
  isTouchTried = false;
  /** A try to create the record failed, and may have been carried out. */
  isCreateDoubtful = false;
  replaces: Replaced | undefined;
  readonly #carrier: Carrier;
  #claim: Claim | undefined;

  constructor(
    carrier: Carrier,
    standing: Standing,
    record: Omit<SessionRecord, 'writeIds'>,
    claim: Claim | undefined,
    stored?: StoredSession,
  ) {
    this.#carrier = carrier;
    this.standing = standing;
    this.fields = new Fields(record.fields);
    this.createdAt = record.createdAt;
    this.touchedAt = record.touchedAt;
    this.expiresAt = record.expiresAt;
    this.owner = record.owner;
    this.settings = record.settings;
    this.#claim = claim;
    this.stored = stored;
  }

  static empty(
    carrier: Carrier,
    standing: 'new' | 'ended',
    now: number,
    timeouts: Timeouts,
    claim?: Claim,
  ): SessionState {
    const record = {
      fields: {},
      createdAt: now,
      touchedAt: now,
      expiresAt: deadlineAt(now, { createdAt: now, touchedAt: now }, timeouts),
    };
    return new SessionState(carrier, standing, record, claim);
  }

  /** The claim that the cookie carries, or will carry; a token is made when it is first needed. */
  get claim(): Claim {
    return (this.#claim ??= this.#carrier.mint());
  }

  get key(): SessionKey {
    return this.claim.key;
  }

  /** The key, where there is one already. */
  get knownKey(): SessionKey | undefined {
    return this.#claim?.key;
  }

  /** Without data and owner a session makes no record: reading must not fill the store (CVE-2015-5143). */
  get hasContent(): boolean {
    return this.owner !== undefined || this.fields.keys().length > 0;
  }

  /** Whether the deadline is to be moved, if there is nothing else to store. */
  wantsTouch(now: number, timeouts: Timeouts): boolean {
    return this.touchWanted || this.isToBeAsked || (!this.isTouchTried && isTouchDue(now, this, timeouts));
  }

  /** The session has another key now: another request has rotated it. */
  moveTo(claim: Claim, stored: StoredSession): void {
    this.#claim = claim;
    this.adopt(stored);
  }

  /** Another token, when the first one's key was taken. */
  mintAgain(): void {
    this.#claim = this.#carrier.mint();
  }

  record(texts: Readonly<Record<string, FieldText>>, writeIds: readonly string[]): SessionRecord {
    return {
      fields: texts,
      createdAt: this.createdAt,
      touchedAt: this.touchedAt,
      expiresAt: this.expiresAt,
      ...(this.owner === undefined ? {} : { owner: this.owner }),
      ...(this.settings === undefined ? {} : { settings: this.settings }),
      writeIds,
    };
  }

  /** The times that a write at `now` stores. */
  timesAt(now: number, timeouts: Timeouts): { touchedAt: number; expiresAt: number } {
    return { touchedAt: now, expiresAt: deadlineAt(now, this, timeouts) };
  }

  /** These times are about to be stored. */
  renewed({ touchedAt, expiresAt }: { touchedAt: number; expiresAt: number }): void {
    this.touchedAt = touchedAt;
    this.expiresAt = expiresAt;
  }

  /** The store holds this now, and others may have written parts of it. The request's own fields stay as they are. */
  adopt(stored: StoredSession): void {
    const { record } = stored;
    this.stored = stored;
    this.touchedAt = record.touchedAt;
    this.expiresAt = record.expiresAt;
    this.settings =
      this.changedSettings === undefined ? record.settings : { ...record.settings, ...this.changedSettings };
  }
}
