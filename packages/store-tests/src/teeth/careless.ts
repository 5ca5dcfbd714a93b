import type { ReplaceOutcome, SessionKey, SessionRecord, Sessions, Successor } from '@sess/core';
import type { Rule } from '../stories/rules.ts';
import type { Alter } from '../stories/story-options.ts';
import {
  type CreateCall,
  type Created,
  type Found,
  HonestStore,
  type ReadCall,
  type ReplaceCall,
} from './honest-store.ts';

/** A mistake of a store or of the core that life stories have to find, by the rule that it breaks. */
export type Careless = { mistake: string; rule: Rule } & ({ Store: typeof HonestStore } | { alter: Alter });

/** Brings back what was there, as a store does whose write is an upsert of the copy that the request had read. */
class UpsertsCopies extends HonestStore {
  override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
    const outcome = await super.rewrite(...call);
    return outcome.verdict === 'gone' ? { verdict: 'replaced', ...this.put(call[0], call[2]) } : outcome;
  }
}

class ForgetsNowAndThen extends HonestStore {
  #reads = 0;

  override async read(...call: ReadCall): Promise<Found> {
    const found = await super.read(...call);
    const isOwned = found && 'record' in found && found.record.owner !== undefined;
    return isOwned && (this.#reads += 1) % 20 === 0 ? undefined : found;
  }
}

class KeepsWhatIsReplaced extends HonestStore {
  override async succeed(): Promise<ReplaceOutcome> {
    return { verdict: 'replaced', version: undefined };
  }
}

/** What a rotation may do, done by a login: whoever planted the old cookie is logged in. */
class LeadsOldToNew extends HonestStore {
  override end(key: SessionKey, endMarkerMs?: number, successor?: Successor): void {
    super.end(key, endMarkerMs, successor && { ...successor, by: 'rotated' });
  }
}

class ForgetsSuccessors extends HonestStore {
  override end(key: SessionKey, endMarkerMs?: number): void {
    super.end(key, endMarkerMs);
  }
}

class KeepsFirstSettings extends HonestStore {
  override async rewrite(...[key, version, { settings, ...record }, by]: ReplaceCall): Promise<ReplaceOutcome> {
    const kept = this.storage.live(key)?.record.settings ?? settings;
    return super.rewrite(key, version, { ...record, ...(kept && { settings: kept }) }, by);
  }
}

class NeverEndsEarlier extends HonestStore {
  override async rewrite(...[key, version, record, by]: ReplaceCall): Promise<ReplaceOutcome> {
    const before = this.storage.live(key)?.record.expiresAt ?? 0;
    return super.rewrite(key, version, { ...record, expiresAt: Math.max(before, record.expiresAt) }, by);
  }
}

class MixesUpSessions extends HonestStore {
  #last: SessionRecord | undefined;

  override async create(...[key, record, by]: CreateCall): Promise<Created> {
    const others = this.#last?.fields;
    this.#last = record;
    return super.create(key, { ...record, fields: { ...others, ...record.fields } }, by);
  }
}

class HasNoIndex extends HonestStore {
  override async enterOwner(): Promise<void> {}
}

class RefusesToReplace extends HonestStore {
  override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
    const outcome = await super.rewrite(...call);
    if (outcome.verdict === 'conflict') throw new Error('too many');
    return outcome;
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
  {
    Store: ForgetsSuccessors,
    mistake: 'forgets where a session went on',
    rule: 'a logout ends what its session was rotated into',
  },
  { Store: KeepsFirstSettings, mistake: 'keeps the first settings', rule: 'settings hold' },
  { Store: NeverEndsEarlier, mistake: 'moves deadlines only later', rule: 'a session ends when nobody used it' },
  { Store: HasNoIndex, mistake: 'enters no session into the index of owners', rule: 'owners find their sessions' },
  { Store: RefusesToReplace, mistake: 'fails where another version stands', rule: 'a healthy store fails nobody' },
  { alter: listsOnce, mistake: '"log out everywhere" lists once', rule: 'who logs out everywhere is out everywhere' },
  { alter: sparesOne, mistake: 'a revocation that ends nothing', rule: 'who was revoked is out' },
  {
    alter: clearsUnknownCookies,
    mistake: 'clears a cookie it does not know',
    rule: 'cookies are sent when they change',
  },
];
