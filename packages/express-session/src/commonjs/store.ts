import { EventEmitter } from 'node:events';

import { SessError } from '@sess/core';

import { callable } from './callable.ts';
import { Cookie } from './cookie.ts';
import { Session, type SessionCallback, type SessionData, type SessionRequest } from './session.ts';

/** What a store is given and gives: the data of a session, and its cookie. */
export type StoredData = Partial<SessionData> & Record<string, unknown>;

/** What the stores of express-session extend. */
abstract class BaseStore extends EventEmitter {
  /** Calls back with the session of that id, or without one. */
  abstract get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void;
  /** Stores a session, whether it is there already or not. */
  abstract set(sid: string, session: SessionData, callback?: SessionCallback): void;
  /** Removes a session; one that is not there is no error. */
  abstract destroy(sid: string, callback?: SessionCallback): void;
  /** Moves the deadline of a session, where that costs less than to store the whole of it. */
  touch?(sid: string, session: SessionData, callback?: (error?: unknown) => void): void;
  /** Calls back with all sessions. */
  all?(callback: (error: unknown, sessions?: SessionData[] | Record<string, SessionData> | null) => void): void;
  /** Calls back with how many sessions there are. */
  length?(callback: (error: unknown, length?: number) => void): void;
  /** Removes all sessions. */
  clear?(callback?: SessionCallback): void;

  /**
   * Gives a request's visitor a new session, where it has none any more.
   *
   * @throws SessError `UNSUPPORTED` for a request that the middleware has not seen
   */
  generate(request: SessionRequest): void {
    if (!('session' in request))
      throw new SessError('UNSUPPORTED', 'store.generate(req) takes a request that session() has seen.');
    Object.assign(request, { session: {} });
  }

  /** Gives a request's visitor a new session, and ends the old one. */
  regenerate(request: SessionRequest, callback: SessionCallback): void {
    const { session } = request;
    if (session?.req === request) return void session.regenerate(callback);
    try {
      this.generate(request);
    } catch (error) {
      return callback(error);
    }
    callback();
  }

  /** Reads a session that is not a request's. */
  load(sid: string, callback: (error: unknown, session?: Session) => void): void {
    this.get(sid, (error, found) => {
      if (error) return callback(error);
      if (!found) return callback(undefined);
      callback(undefined, this.createSession({ sessionID: sid, sessionStore: this }, found));
    });
  }

  /** Makes a session of what was stored, and the request's own of it. */
  createSession(request: SessionRequest, data: SessionData): Session {
    const session = new Session(request, { ...data, cookie: new Cookie(data.cookie) });
    request.session = session;
    return session;
  }
}

/** What the stores of express-session extend. */
export type Store = BaseStore;
/** What the stores of express-session extend. */
export const Store: typeof BaseStore = callable(BaseStore, (self) => Reflect.apply(EventEmitter, self, []));
