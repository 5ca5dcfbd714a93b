import { SessError, type Sessions } from '@sess/core';

import { Cookie } from './cookie.ts';
import type { SessionCallback, SessionData } from './session.ts';
import { Store } from './store.ts';

/** `req.sessionStore` where a store of @sess keeps the sessions: they are read and ended by their `req.sessionID`. */
export class CoreStore extends Store {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    super();
    this.#sessions = sessions;
  }

  override get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void {
    settle(this.#sessions.read(sid), (error, data) => {
      callback(error, data && { ...data, cookie: new Cookie(Object(data['cookie'])) });
    });
  }

  override set(_sid: string, _session: SessionData, callback?: SessionCallback): void {
    const error = new SessError('UNSUPPORTED', 'req.sessionStore.set(): a session is stored by its own save().');
    if (callback === undefined) throw error;
    process.nextTick(callback, error);
  }

  override destroy(sid: string, callback: SessionCallback = () => {}): void {
    settle(this.#sessions.revoke(sid), (error) => callback(error));
  }
}

/** Out of the promise, so that an error that the callback throws is the app's own. */
function settle<T>(work: Promise<T>, callback: (error: unknown, value?: T) => void): void {
  work.then(
    (value) => process.nextTick(callback, null, value),
    (error: unknown) => process.nextTick(callback, error),
  );
}
