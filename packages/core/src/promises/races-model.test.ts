import { deepEqual } from 'node:assert/strict';
import { expect, it } from 'vitest';

import { memoryStore } from '../storage/memory-store.ts';
import { createSessions, type Sessions } from '../sessions.ts';
import { pick, seeded } from '../testing/step-by-step.ts';
import { type AnySession, anySession, testSecret } from '../testing/test-app.ts';

const hourMs = 3_600_000;
const idleMs = 24 * hourMs;
const markerMs = 60_000;

/** What a session should be: the promises, without stores, tokens or queues. */
interface ModelSession {
  cookie: string;
  handle: string;
  data: Record<string, unknown>;
  owner: string | undefined;
  touchedAt: number;
  expiresAt: number;
  isDead: boolean;
  /** What the end marker says of where the session went on. */
  successor?: ModelSession | undefined;
  /** Until then its cookie is known as that of an ended session. */
  endedUntil: number;
}

interface Browser {
  jar: ModelSession | undefined;
  /** Answers on their way, which may overtake each other. */
  inbox: (ModelSession | 'clear')[];
}

/** A request between its open and its commit. */
interface Request {
  browser: Browser;
  sessions: Sessions;
  session: AnySession;
  sent: ModelSession | undefined;
  base: 'none' | 'ended' | { of: ModelSession; data: Record<string, unknown>; touchedAt: number };
}

type Work =
  | { name: 'nothing' }
  | { name: 'set'; key: string; value: number }
  | { name: 'delete'; key: string }
  | { name: 'count' }
  | { name: 'login'; owner: string; keep: string[] }
  | { name: 'rotate' }
  | { name: 'logout' };

/** Plays one history on the real thing and on the model, and compares what each request sees and gets. */
class History {
  readonly random: () => number;
  now = 1_000_000_000_000;
  readonly store = memoryStore({ clock: () => this.now });
  readonly workers: Sessions[];
  readonly browsers: Browser[] = Array.from({ length: 4 }, () => ({ jar: undefined, inbox: [] }));
  readonly all: ModelSession[] = [];
  readonly open: Request[] = [];
  readonly done: Record<string, number> = {};

  constructor(seed: number) {
    this.random = seeded(seed);
    this.workers = Array.from({ length: 3 }, () =>
      createSessions({ store: this.store, secret: testSecret, logger: false, env: {}, clock: () => this.now }),
    );
  }

  pick<T>(from: readonly T[]): T {
    return pick(this.random, from)!;
  }

  isLive(session: ModelSession): boolean {
    return !session.isDead && this.now < session.expiresAt;
  }

  async run(steps: number): Promise<void> {
    await Promise.all(this.workers.map((sessions) => sessions.ready()));
    for (let step = 0; step < steps; step += 1) {
      const dice = this.random();
      if (dice < 0.35) await this.begin(this.pick(this.browsers));
      else if (dice < 0.75) await this.finish();
      else if (dice < 0.88) this.deliver(this.pick(this.browsers));
      else if (dice < 0.93) await this.revoke();
      else this.now += this.pick([1_000, markerMs, 2 * hourMs, 9 * hourMs]);
    }
    for (const session of this.all) await this.compare(session);
    for (const owner of ['u1', 'u2']) {
      const listed = await this.pick(this.workers).list(owner);
      const live = this.all.filter((session) => session.owner === owner && this.isLive(session));
      deepEqual(listed.map(({ handle }) => handle).toSorted(), live.map(({ handle }) => handle).toSorted());
    }
  }

  async compare(model: ModelSession): Promise<void> {
    const session = await this.pick(this.workers).open(model.cookie);
    deepEqual({ ...session }, this.isLive(model) ? model.data : {});
  }

  async begin(browser: Browser): Promise<void> {
    const sessions = this.pick(this.workers);
    const sent = browser.jar;
    const session = anySession(await sessions.open(sent?.cookie));
    let base: Request['base'] = 'none';
    if (sent !== undefined && this.isLive(sent))
      base = { of: sent, data: structuredClone(sent.data), touchedAt: sent.touchedAt };
    else if (sent !== undefined && this.now < sent.endedUntil) base = 'ended';
    deepEqual({ ...session }, typeof base === 'object' ? base.data : {});
    this.open.push({ browser, sessions, session, sent, base });
  }

  async finish(): Promise<void> {
    const [request] = this.open.splice(Math.floor(this.random() * this.open.length), 1);
    if (request === undefined) return;
    const work = this.pick<() => Work>([
      () => ({ name: 'nothing' }),
      () => ({ name: 'set', key: this.pick(['a', 'b', 'c']), value: Math.floor(this.random() * 3) }),
      () => ({ name: 'set', key: this.pick(['a', 'b', 'c']), value: Math.floor(this.random() * 3) }),
      () => ({ name: 'delete', key: this.pick(['a', 'b', 'c', 'n']) }),
      () => ({ name: 'count' }),
      () => ({ name: 'count' }),
      () => ({ name: 'login', owner: this.pick(['u1', 'u2']), keep: this.pick([[], ['a', 'n']]) }),
      () => ({ name: 'rotate' }),
      () => ({ name: 'logout' }),
    ])();
    const expected = this.expect(request, work);
    const refused = await doWork(request.session, work);
    const { setCookie } = await request.sessions.commit(request.session);
    const what = setCookie === undefined ? 'none' : /Max-Age=0;/.test(setCookie) ? 'clear' : 'set';
    deepEqual({ work, what, refused }, { work, ...expected.answer });
    const label = `${work.name} ${expected.answer.what}${refused ? ' refused' : ''}`;
    this.done[label] = (this.done[label] ?? 0) + 1;
    if (expected.made !== undefined) {
      expected.made.cookie = setCookie?.split(';', 1)[0] ?? '';
      expected.made.handle = (await request.sessions.open(expected.made.cookie)).handle;
      this.all.push(expected.made);
      request.browser.inbox.push(expected.made);
    } else if (what === 'clear') request.browser.inbox.push('clear');
  }

  deliver(browser: Browser): void {
    const [answer] = browser.inbox.splice(Math.floor(this.random() * browser.inbox.length), 1);
    if (answer !== undefined) browser.jar = answer === 'clear' ? undefined : answer;
  }

  async revoke(): Promise<void> {
    const sessions = this.pick(this.workers);
    const victim = this.all.length === 0 ? undefined : this.pick(this.all);
    if (victim === undefined) return;
    if (victim.owner === undefined || this.random() < 0.5) {
      deepEqual(await sessions.revoke(victim.handle), this.isLive(victim));
      victim.isDead = true;
      return;
    }
    const victims = this.all.filter((session) => session.owner === victim.owner && this.isLive(session));
    deepEqual(await sessions.revokeAll(victim.owner), victims.length);
    for (const session of victims) session.isDead = true;
  }

  /** Of what already has an end marker nothing changes. */
  end(session: ModelSession, successor?: ModelSession): void {
    session.isDead = true;
    if (this.now < session.endedUntil) return;
    session.endedUntil = this.now + markerMs;
    session.successor = successor;
  }

  /** A logout ends what was put in the session's place too, as long as an end marker tells of it. */
  logOut(session: ModelSession, leavesMarker: boolean): void {
    if (!this.isLive(session) && this.now < session.endedUntil) {
      if (session.successor !== undefined) this.logOut(session.successor, leavesMarker);
    } else if (leavesMarker) this.end(session);
    else session.isDead = true;
  }

  make(data: Record<string, unknown>, owner: string | undefined): ModelSession {
    const times = { touchedAt: this.now, expiresAt: this.now + idleMs, endedUntil: 0 };
    return { cookie: '', handle: '', data, owner, ...times, isDead: false };
  }

  /** The model's half of a request. */
  expect({ base, sent }: Request, work: Work): { answer: { what: string; refused: boolean }; made?: ModelSession } {
    const none = { answer: { what: 'none', refused: false } };
    const made = (session: ModelSession) => ({ answer: { what: 'set', refused: false }, made: session });
    const cleared = { answer: { what: sent === undefined ? 'none' : 'clear', refused: false } };
    if (typeof base === 'string') {
      if (work.name === 'logout') {
        if (base === 'ended' && sent !== undefined) this.logOut(sent, false);
        return cleared;
      }
      if (work.name === 'login') return made(this.make({}, work.owner));
      if (base === 'ended') return { answer: { what: 'none', refused: work.name === 'count' } };
      if (work.name === 'set') return made(this.make({ [work.key]: work.value }, undefined));
      return work.name === 'count' ? made(this.make({ n: 1 }, undefined)) : none;
    }

    const { of, data, touchedAt } = base;
    const isLive = this.isLive(of);
    const write = (change: () => void): void => {
      if (!isLive) return;
      change();
      of.touchedAt = this.now;
      of.expiresAt = Math.max(of.expiresAt, this.now + idleMs);
    };
    switch (work.name) {
      case 'logout':
        this.logOut(of, true);
        return cleared;
      case 'login': {
        const kept = Object.entries(isLive ? of.data : data).filter(([key]) => work.keep.includes(key));
        const next = this.make(Object.fromEntries(kept), work.owner);
        // What was over already went on nowhere.
        this.end(of, isLive ? next : undefined);
        return made(next);
      }
      case 'rotate': {
        if (Object.keys(data).length === 0 && of.owner === undefined) {
          this.end(of);
          return cleared;
        }
        const next = this.make({ ...of.data }, of.owner);
        // One that comes too late ends what it has just made.
        if (!isLive) next.isDead = true;
        this.end(of, isLive ? next : undefined);
        return isLive ? made(next) : none;
      }
      case 'count':
        write(() => (of.data['n'] = Number(of.data['n'] ?? 0) + 1));
        return { answer: { what: 'none', refused: !isLive } };
      case 'set':
        if (data[work.key] === work.value) break;
        write(() => (of.data[work.key] = work.value));
        return none;
      case 'delete':
        if (!(work.key in data)) break;
        write(() => delete of.data[work.key]);
        return none;
      case 'nothing':
        break;
    }
    if (this.now - touchedAt > idleMs / 24) write(() => {});
    return none;
  }
}

/** @returns whether the session had ended, so that the work was refused */
async function doWork(session: AnySession, work: Work): Promise<boolean> {
  switch (work.name) {
    case 'nothing':
      return false;
    case 'set':
      session[work.key] = work.value;
      return false;
    case 'delete':
      delete session[work.key];
      return false;
    case 'login':
      await session.regenerate({ owner: work.owner, keep: work.keep });
      return false;
    case 'rotate':
      await session.regenerate({ keep: true });
      return false;
    case 'logout':
      await session.destroy();
      return false;
    case 'count':
      return session
        .update('n', (n) => Number(n ?? 0) + 1)
        .then(
          () => false,
          (error: unknown) => Reflect.get(Object(error), 'code') === 'SESSION_GONE',
        );
  }
}

it('random histories of browsers, workers, logins, logouts and revocations are as the promises say', async () => {
  const done: Record<string, number> = {};
  for (let seed = 1; seed <= 400; seed += 1) {
    const history = new History(seed);
    await history.run(150).catch((error: unknown) => {
      throw new Error(`history ${seed}`, { cause: error });
    });
    for (const [label, count] of Object.entries(history.done)) done[label] = (done[label] ?? 0) + count;
  }
  // The histories went everywhere.
  expect(Object.keys(done)).toEqual(
    expect.arrayContaining([
      'set none',
      'set set',
      'count none',
      'count none refused',
      'count set',
      'login set',
      'rotate set',
      'rotate none',
      'rotate clear',
      'logout clear',
      'logout none',
    ]),
  );
  expect(Math.min(...Object.values(done))).toBeGreaterThan(4);
}, 60_000);
