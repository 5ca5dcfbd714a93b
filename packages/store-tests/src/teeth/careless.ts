import type { DestroyOptions, SessionChange, SessionKey, SessionRecord, Sessions, UpdateVerdict } from '@sess/core';
import type { Rule } from '../stories/rules.ts';
import type { Alter } from '../stories/story-options.ts';
import { HonestStore } from './honest-store.ts';

/** A mistake of a store or of the core that life stories have to find, by the rule that it breaks. */
export type Careless = { mistake: string; rule: Rule } & ({ Store: typeof HonestStore } | { alter: Alter });

/** Brings back what was there, as a store does whose write is an upsert of the copy that the request had read. */
export class UpsertsCopies extends HonestStore {
  readonly #copies = new Map<SessionKey, SessionRecord>();

  override async read(key: SessionKey): Promise<SessionRecord | 'ended' | undefined> {
    const record = await super.read(key);
    if (record !== undefined && record !== 'ended') this.#copies.set(key, record);
    return record;
  }

  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    const verdict = await super.update(key, change);
    const copy = this.#copies.get(key);
    if (verdict !== 'gone' || copy === undefined) return verdict;
    this.storage.entries.set(key, this.apply(copy, change));
    return 'applied';
  }
}

class ForgetsNowAndThen extends HonestStore {
  #reads = 0;

  override async read(key: SessionKey): Promise<SessionRecord | 'ended' | undefined> {
    const record = await super.read(key);
    const isOwned = record !== undefined && record !== 'ended' && record.owner !== undefined;
    return isOwned && (this.#reads += 1) % 20 === 0 ? undefined : record;
  }
}

class KeepsWhatIsReplaced extends HonestStore {
  override async destroy(key: SessionKey, options: DestroyOptions = {}): Promise<SessionRecord | undefined> {
    const record = this.storage.live(key);
    return options.endMarkerMs !== undefined && record !== undefined ? record : super.destroy(key, options);
  }
}

/** What a rotation may do, done by a login: whoever planted the old cookie is logged in. */
class LeadsOldToNew extends HonestStore {
  #newest: SessionKey | undefined;
  readonly #successors = new Map<SessionKey, SessionKey>();

  override async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    this.#newest = key;
    return super.create(key, record);
  }

  override async read(key: SessionKey): Promise<SessionRecord | 'ended' | undefined> {
    return super.read(this.#successors.get(key) ?? key);
  }

  override async destroy(key: SessionKey, options: DestroyOptions = {}): Promise<SessionRecord | undefined> {
    if (this.#newest !== undefined && this.#newest !== key) this.#successors.set(key, this.#newest);
    return super.destroy(key, options);
  }
}

class MixesUpSessions extends HonestStore {
  #last: SessionRecord | undefined;

  override async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    const { key: _, ...others } = { key, ...this.#last?.fields };
    this.#last = record;
    return super.create(key, { ...record, fields: { ...others, ...record.fields } });
  }
}

class HasNoIndex extends HonestStore {
  override async enterOwner(): Promise<void> {}
}

class RefusesToCompare extends HonestStore {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    if (change.expect !== undefined) throw new Error('too many');
    return super.update(key, change);
  }
}

function altered(sessions: Sessions, change: (sessions: Sessions) => Partial<Sessions>): Sessions {
  return { ...sessions, ...change(sessions) };
}

/** "Log out everywhere" as everybody writes it: list, then end each. */
const listsOnce: Alter = (sessions) =>
  altered(sessions, () => ({
    async revokeAll(owner, options = {}) {
      const listed = await sessions.list(owner);
      const ended = listed.filter(({ handle }) => handle !== options.except);
      for (const { handle } of ended) await sessions.revoke(handle);
      return ended.length;
    },
  }));

const sparesOne: Alter = (sessions) =>
  altered(sessions, () => ({
    async revoke(handle) {
      return (await sessions.list('nobody')).length === 0 && handle !== '';
    },
  }));

/** As many session libraries do with a cookie that they do not know. */
const clearsUnknownCookies: Alter = (sessions) =>
  altered(sessions, () => ({
    async commit(session, statusCode) {
      const headers = await sessions.commit(session, statusCode);
      if (headers.setCookie !== undefined || !session.isNew) return headers;
      return { ...headers, setCookie: `${sessions.cookieName}=; Max-Age=0; Path=/` };
    },
  }));

export const careless: readonly Careless[] = [
  { Store: UpsertsCopies, mistake: 'writes the copy that a request had read', rule: 'a logout is final' },
  { Store: UpsertsCopies, mistake: 'writes a copy after the session was replaced', rule: 'what was replaced is over' },
  { Store: UpsertsCopies, mistake: 'brings back what was rotated', rule: 'a rotated session is one session' },
  { Store: ForgetsNowAndThen, mistake: 'takes a fault for absence', rule: 'nobody is out who was not ended' },
  { Store: KeepsWhatIsReplaced, mistake: 'keeps what a login replaces', rule: 'what was replaced is over' },
  {
    Store: LeadsOldToNew,
    mistake: 'leads the old cookie to the login',
    rule: 'nobody is shown the session of another',
  },
  {
    Store: MixesUpSessions,
    mistake: 'mixes up the data of two sessions',
    rule: 'nothing comes in from another session',
  },
  { Store: HasNoIndex, mistake: 'enters no session into the index of owners', rule: 'owners find their sessions' },
  { Store: RefusesToCompare, mistake: 'fails where it has to compare', rule: 'a healthy store fails nobody' },
  { alter: listsOnce, mistake: '"log out everywhere" lists once', rule: 'who logs out everywhere is out everywhere' },
  { alter: sparesOne, mistake: 'a revocation that ends nothing', rule: 'who was revoked is out' },
  {
    alter: clearsUnknownCookies,
    mistake: 'clears a cookie it does not know',
    rule: 'cookies are sent when they change',
  },
];
