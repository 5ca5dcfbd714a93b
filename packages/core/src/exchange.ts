import type { Claim } from './claim.ts';
import { setCookie } from './cookie.ts';
import { withDeadline } from './deadline.ts';
import { destroySession } from './destroy-session.ts';
import { endedError } from './ended-error.ts';
import type { Engine } from './engine.ts';
import { SessError, isSessError } from './errors.ts';
import { publish } from './events.ts';
import { absoluteDeadline } from './expiry.ts';
import { regeneratedState } from './regenerate-session.ts';
import { reloadSession } from './reload-session.ts';
import type { RegenerateOptions, Session } from './session.ts';
import type { SessionHeaders } from './response/session-headers.ts';
import { sessionObject } from './session-object.ts';
import { SessionState } from './session-state.ts';
import type { SessionSettings } from './store.ts';
import { needsStoring, storeSession } from './store-session.ts';
import { updateField } from './update-field.ts';

/**
 * One request and its session, from open to commit. There may be several sessions on the way: a
 * regenerate puts a new one in the place of the old.
 */
export class Exchange {
  readonly engine: Engine;
  /** What the request's cookie stands for, once it was verified. */
  readonly claim: Claim | undefined;
  readonly #fault: SessError | undefined;
  #state: SessionState | undefined;
  #session: Session | undefined;
  /** What the answer's `Set-Cookie` has to do, if there is to be one. */
  #cookieDuty: 'set' | 'clear' | undefined;
  #looked = false;
  #faultSurfaced = false;
  #headersLeft = false;
  #sealed = false;
  #committing = false;
  /** A fault of work that the app did not wait for before it answered. */
  #lateFault: unknown;
  /** The last of the operations that run one behind the other. */
  #serial: Promise<unknown> | undefined;
  /** All operations under way. */
  readonly #running = new Set<Promise<unknown>>();

  constructor(engine: Engine, claim: Claim | undefined, opened: SessionState | SessError | undefined) {
    this.engine = engine;
    this.claim = claim;
    if (opened instanceof SessionState) this.#state = opened;
    else this.#fault = opened;
  }

  /** The state of the request's current session. */
  get state(): SessionState {
    return (this.#state ??= SessionState.empty(this.engine.carrier, 'new', this.engine.clock(), this.engine.timeouts));
  }

  /** The request's current session: after a regenerate, the new one. */
  get session(): Session {
    return (this.#session ??= sessionObject(this, this.state));
  }

  /**
   * The app looks at the session: from here on the answer depends on the cookie, and a fault of the
   * store at open is the app's to know.
   */
  look(): void {
    this.#looked = true;
    if (this.#fault !== undefined) throw this.#surface(this.#fault);
  }

  #surface<E>(error: E): E {
    if (isSessError(error) && error.status === 503) this.#faultSurfaced = true;
    return error;
  }

  /** Headers that leave from here on can not carry a cookie: they are gone, or there are none (a WebSocket). */
  noteHeadersLeft(): void {
    this.#headersLeft = true;
  }

  /** The app has ended its answer: what it changes from here on can not be stored. */
  seal(): void {
    this.#sealed = true;
  }

  /** The client went away before the app ended its answer: nothing is stored that was not saved. */
  abandon(): void {
    const keys = this.#state?.closing === undefined ? this.#state?.fields.changedKeys() : undefined;
    if (keys !== undefined && keys.length > 0)
      publish('dropped', () => ({ handle: this.#state?.knownKey, keys, reason: 'abandoned' }));
    this.#sealed = true;
  }

  /**
   * Whether a change of the session can still be stored; `what` is named in the error if not.
   * @throws SessError `SESSION_ENDED`, `HEADERS_SENT`, and outside production `SESSION_SEALED`
   */
  mayChange(state: SessionState, what: string): boolean {
    if (state.closing !== undefined) throw endedError(state.closing, what);
    const needsCookie = state.standing === 'new' || this.engine.carrier.holdsSession;
    return this.#isInTime(state, what) && !(needsCookie && this.mustSendCookie(what));
  }

  #isInTime(state: SessionState, what: string): boolean {
    if (!this.#sealed) return true;
    publish('dropped', () => ({ handle: state.knownKey, keys: [what], reason: 'sealed' }));
    if (this.engine.production) return false;
    throw new SessError(
      'SESSION_SEALED',
      `session.${what} came after the response had ended, too late to be stored. Do it before the response ends.`,
    );
  }

  /** @throws SessError `HEADERS_SENT` where no cookie can be sent any more */
  mustSendCookie(what: string): false {
    if (!this.#headersLeft) return false;
    throw new SessError(
      'HEADERS_SENT',
      `session.${what} needs a cookie, and the response's headers have been sent. Do it before the response begins.`,
    );
  }

  isPersistent(state: SessionState): boolean {
    return state.settings?.persistent ?? this.engine.cookie.persistent;
  }

  changeSettings(state: SessionState, settings: SessionSettings): void {
    if (!this.mayChange(state, 'cookie')) return;
    if (settings.persistent !== undefined && settings.persistent !== this.isPersistent(state)) {
      this.mustSendCookie('persistent');
      state.persistenceChanged = true;
    }
    state.settings = { ...state.settings, ...settings };
    state.settingsChanged = true;
    state.expiresAt = state.timesAt(this.engine.clock(), this.engine.timeouts).expiresAt;
  }

  save(state: SessionState): Promise<void> {
    return this.#inTurn(() => storeSession(this, state, { explicit: true }));
  }

  reload(state: SessionState): Promise<void> {
    return this.#inTurn(() => reloadSession(state));
  }

  destroy(state: SessionState): Promise<void> {
    return this.#inTurn(() => destroySession(this, state));
  }

  /** Not in turn: the parallel updates of a request go out as one write. */
  update(state: SessionState, key: string, fn: (current: unknown) => unknown): Promise<unknown> {
    const { value } = this.#track(updateField(this, state, key, fn, this.#serial));
    return value;
  }

  async regenerate(old: SessionState, options: RegenerateOptions): Promise<Session> {
    if (old !== this.state) throw endedError('replaced', 'regenerate()');
    this.mustSendCookie('regenerate()');
    if (this.#isInTime(old, 'regenerate()')) {
      this.#state = regeneratedState(this.engine, old, options);
      this.#session = undefined;
    }
    return this.session;
  }

  /** The answer carries the current session's cookie. */
  sendCookie(): void {
    this.#cookieDuty = 'set';
  }

  /** The answer clears the cookie, where the browser has one of ours. */
  clearCookie(): void {
    this.#cookieDuty = this.claim === undefined ? undefined : 'clear';
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { settled, value } = this.#track(this.#serial === undefined ? work() : this.#serial.then(work));
    this.#serial = settled;
    return value;
  }

  /** Bounds an operation and remembers it until it is settled, whether or not the app waits for it. */
  #track<T>(work: Promise<T>): { value: Promise<T>; settled: Promise<void> } {
    const value = withDeadline(work, this.engine.commitMs, 'Storing the session').catch((error: unknown) => {
      if (this.#committing) this.#lateFault ??= error;
      throw this.#surface(error);
    });
    const settled = value.then(
      () => {},
      () => {},
    );
    this.#running.add(settled);
    void settled.then(() => this.#running.delete(settled));
    return { value, settled };
  }

  /**
   * Stores what has changed and says what the answer's headers need. Synchronous where there is
   * nothing to store.
   *
   * @param failed the answer is an error (5xx). The app was told of a fault, and tells the client:
   * what it could not store is not tried once more.
   * @throws SessError, also synchronously; the answer must not leave then
   */
  commit(failed = false): SessionHeaders | Promise<SessionHeaders> {
    if (this.#fault !== undefined || (this.#faultSurfaced && failed)) return this.#headers();
    const state = this.#state;
    if (this.#running.size === 0 && (state === undefined || !needsStoring(this.engine, state))) return this.#headers();
    this.#committing = true;
    return withDeadline(this.#commit(), this.engine.commitMs, 'Storing the session').then(
      () => this.#headers(),
      (error: unknown) => {
        throw this.#surface(error);
      },
    );
  }

  async #commit(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (isSessError(this.#lateFault) && this.#lateFault.status === 503) throw this.#lateFault;
    const { state } = this;
    if (state.closing === 'destroyed') await destroySession(this, state);
    else await storeSession(this, state, { explicit: false });
  }

  #headers(): SessionHeaders {
    const headers: SessionHeaders = { vary: this.#looked, fault: this.#faultSurfaced };
    if (this.#cookieDuty !== undefined && !this.#headersLeft && !this.#faultSurfaced)
      headers.setCookie = this.#cookieLine(this.#cookieDuty);
    this.#headersLeft = true;
    this.#committing = false;
    return headers;
  }

  #cookieLine(duty: 'set' | 'clear'): string {
    const { engine, state } = this;
    if (duty === 'clear') return setCookie(engine.cookie, '', 0);
    const leftMs = absoluteDeadline(state.createdAt, engine.timeouts) - engine.clock();
    return setCookie(
      engine.cookie,
      state.claim.cookieValue(),
      this.isPersistent(state) ? Math.max(1, Math.ceil(leftMs / 1000)) : undefined,
    );
  }
}
