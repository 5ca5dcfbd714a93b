import { EventEmitter } from 'node:events';

import { systemClock } from '@sess/core';

import { callable } from './callable.ts';
import type { SessionCallback, SessionData } from './session.ts';
import { Store } from './store.ts';

/** Sessions in the memory of this process, as JSON. */
class SessionsInMemory extends Store {
  /** The sessions as JSON, by their ids. */
  sessions: Record<string, string> = Object.create(null);

  override get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    setImmediate(callback, null, sessionIn(this, sid));
  }

  override set(sid: string, session: SessionData, callback?: SessionCallback): void {
    this.sessions[sid] = JSON.stringify(session);
    if (callback) setImmediate(callback);
  }

  override touch(sid: string, session: SessionData, callback?: SessionCallback): void {
    const found = sessionIn(this, sid);
    if (found !== undefined) this.sessions[sid] = JSON.stringify({ ...found, cookie: session.cookie });
    if (callback) setImmediate(callback);
  }

  override destroy(sid: string, callback?: SessionCallback): void {
    delete this.sessions[sid];
    if (callback) setImmediate(callback);
  }

  override all(callback: (error: unknown, sessions: Record<string, SessionData>) => void): void {
    const sessions: Record<string, SessionData> = Object.create(null);
    for (const sid of Object.keys(this.sessions)) {
      const session = sessionIn(this, sid);
      if (session !== undefined) sessions[sid] = session;
    }
    setImmediate(callback, null, sessions);
  }

  override length(callback: (error: unknown, length: number) => void): void {
    this.all((error, sessions) => callback(error, Object.keys(sessions).length));
  }

  override clear(callback?: SessionCallback): void {
    this.sessions = Object.create(null);
    if (callback) setImmediate(callback);
  }
}

/** Not a method: a store that inherits without a class has no private ones. */
function sessionIn(store: SessionsInMemory, sid: string): SessionData | undefined {
  const text = store.sessions[sid];
  if (text === undefined) return undefined;
  const session: SessionData = JSON.parse(text);
  const { expires } = session.cookie ?? {};
  if (!expires || new Date(expires).getTime() > systemClock()) return session;
  delete store.sessions[sid];
  return undefined;
}

/** The sessions of one process, for tests and for programs that are no more than one: express-session's default. */
export type MemoryStore = SessionsInMemory;
/** The sessions of one process, for tests and for programs that are no more than one: express-session's default. */
export const MemoryStore: typeof SessionsInMemory = callable(SessionsInMemory, (self) => {
  Reflect.apply(EventEmitter, self, []);
  Reflect.set(self, 'sessions', Object.create(null));
});
