import type { Claim } from '../cookie/claim.ts';
import { AnswerHeaders } from './answer-headers.ts';
import { Commits } from './commits.ts';
import type { CommittedAnswer } from './committed-answer.ts';
import { destroySession } from './destroy-session.ts';
import { dropAbandoned, refuseSealed } from './dropped-changes.ts';
import { endedError, headersSent, sealed } from './too-late-errors.ts';
import type { Engine } from './engine.ts';
import type { SessError } from '../errors.ts';
import { Operations } from './operations.ts';
import { changeSettings } from './change-settings.ts';
import { needsRotation, regeneratedState } from './regenerated-state.ts';
import { reloadSession } from './reload-session.ts';
import type { RegenerateOptions, Session } from '../session/session.ts';
import type { SessionHost } from '../session/session-host.ts';
import type { SessionRequest } from './session-request.ts';
import type { SessionHeaders } from '../response/session-headers.ts';
import { sessionObject } from '../session/session-object.ts';
import { SessionState } from '../session/session-state.ts';
import { type Pending, pendingOf, storePending } from './pending.ts';
import type { SessionSettings, Successor } from '../store.ts';
import { storeSession, writeAtOnce } from './store-session.ts';
import { updateField } from './update-field.ts';

/** One request and its session, from open to commit. A regenerate puts a new session in the place of the old one. */
export class Exchange implements SessionHost, SessionRequest {
  readonly engine: Engine;
  readonly claim: Claim | undefined;
  rivals: readonly Claim[] | undefined;
  readonly fault: SessError | undefined;
  readonly headers: AnswerHeaders;
  readonly operations: Operations;
  isAnswered = false;
  /** Whether the client has left, where no event has told of it yet. Asked only where the session could not be read. */
  isClientGone: (() => boolean) | undefined;
  /** Told of the session that a regenerate has put in the place of the request's session. */
  onReplaced: ((session: Session) => void) | undefined;
  #state: SessionState | undefined;
  #session: Session | undefined;
  #sealed: 'byApp' | 'byFault' | undefined;
  #commits: Commits | undefined;

  constructor(engine: Engine, claim: Claim | undefined, opened: SessionState | SessError | undefined) {
    this.engine = engine;
    this.claim = claim;
    this.headers = new AnswerHeaders(engine, claim);
    this.operations = new Operations(engine, (error) => this.surface(error));
    if (opened instanceof SessionState) this.#state = opened;
    else this.fault = opened;
  }

  get state(): SessionState {
    return (this.#state ??= SessionState.empty(this.engine.carrier, 'new', this.engine.clock(), this.engine.timeouts));
  }

  /** The request's current session: after a regenerate, the new one. */
  get session(): Session {
    return (this.#session ??= sessionObject(this, this.state));
  }

  /** An access log may ask for the handle of a session that could not be read: then it gets the cookie's key. */
  handleOf(state: SessionState): string {
    if (state.replaces !== undefined) this.engine.replacements.note(state);
    return this.fault === undefined ? state.key : (this.claim?.key ?? state.key);
  }

  get knownHandle(): string | undefined {
    return this.#state?.knownKey ?? this.claim?.key;
  }

  look(): void {
    this.headers.noteLook();
    if (this.fault === undefined || this.isAnswered || this.isClientGone?.() === true) return;
    throw this.surface(this.fault);
  }

  surface<E>(error: E): E {
    this.headers.noteError(error);
    return error;
  }

  /** The app has ended its answer, or a fault of the store has: later changes are not stored with it. */
  seal(byFault = false): void {
    this.#sealed = byFault ? 'byFault' : 'byApp';
    this.isAnswered = true;
  }

  /** The client went away before the app ended its answer: nothing is stored that was not saved. */
  abandon(): void {
    dropAbandoned(this.#state, this.knownHandle);
  }

  mayChange(state: SessionState, what: string): boolean {
    if (state.closing !== undefined) throw endedError(state.closing, what);
    // After a fault no line of the app is wrong, and none can be mended.
    if (this.#sealed) return refuseSealed(this.#sealed === 'byFault' || this.engine.production, state, what);
    if (this.fault !== undefined) throw this.surface(this.fault);
    this.mustStayOpen(state, what);
    return true;
  }

  mustStayOpen(state: SessionState, what: string): void {
    if (state.closing !== undefined) throw endedError(state.closing, what);
    if (state.standing === 'new' || this.engine.carrier.holdsSession) this.mustSendCookie(what);
  }

  mustSendCookie(what: string): void {
    if (this.headers.haveLeft) throw headersSent(what);
  }

  changeSettings(state: SessionState, settings: SessionSettings): void {
    changeSettings(this, state, settings);
  }

  save(state: SessionState): Promise<void> {
    // What an update() since rotate() stores under the old key goes over to the new one.
    const order = state.replaces?.by === 'rotated' ? 'afterAll' : 'inTurn';
    return this.#inTurn(() => storeSession(this, state, { explicit: true }, state.fields.changes()), order);
  }

  reload(state: SessionState): Promise<void> {
    const isLate = this.#sealed !== undefined;
    return this.#inTurn(async () => {
      if (isLate && this.engine.carrier.holdsSession) throw headersSent('reload()');
      await reloadSession(this.engine, state);
      // As on a WebSocket: what is changed from here on is stored by an explicit save().
      if (isLate) this.#sealed = undefined;
    });
  }

  destroy(state: SessionState): Promise<void> {
    return this.#inTurn(() => destroySession(this, state));
  }

  /** Not in turn: the parallel updates of a request go out as one write. */
  update(state: SessionState, key: string, fn: (current: unknown) => unknown): Promise<unknown> {
    const before = this.operations.lastWith(this.#commits?.storing);
    return this.operations.track(this.#lookFirst(() => updateField(this, state, key, fn, before)));
  }

  regenerate(old: SessionState, options: RegenerateOptions): Promise<Session> {
    const isInTime = !this.#sealed;
    return this.#afterAll(old, () => this.#regenerate(old, options, isInTime, 'regenerated'));
  }

  /** The same session under a new token. */
  rotate(old: SessionState): Promise<Session> {
    const isInTime = !this.#sealed;
    const work = () => (needsRotation(old) ? this.#regenerate(old, { keep: true }, isInTime, 'rotated') : this.session);
    return this.#afterAll(old, work);
  }

  /** Behind all that is under way, or it would miss what that stores. */
  #afterAll(old: SessionState, work: () => Session): Promise<Session> {
    if (!this.operations.isBusy || old.closing === 'destroyed') return this.operations.track(this.#lookFirst(work));
    return this.operations.afterAll(() => this.#lookFirst(work));
  }

  /** One after the other, and after a commit's writes: a logout also ends what those are about to store. */
  #inTurn<T>(work: () => Promise<T>, order: 'inTurn' | 'afterAll' = 'inTurn'): Promise<T> {
    return this.operations[order](() => this.#lookFirst(() => this.#commits?.storing?.then(work) ?? work()));
  }

  /** A fault at open is the operation's: it rejects, and never throws. */
  async #lookFirst<T>(work: () => T | Promise<T>): Promise<T> {
    this.headers.noteLook();
    if (this.fault !== undefined) throw this.surface(this.fault);
    return work();
  }

  #regenerate(old: SessionState, options: RegenerateOptions, isInTime: boolean, by: Successor['by']): Session {
    if (old !== this.state) throw endedError('replaced', 'regenerate()');
    // A commit is running, so the answer's cookie is already decided.
    if (this.headers.haveLeft || this.#commits?.storing !== undefined) throw headersSent('regenerate()');
    if (!isInTime) throw sealed('regenerate()');
    this.#state = regeneratedState(this.engine, old, options, by);
    this.#session = undefined;
    this.onReplaced?.(this.session);
    return this.session;
  }

  /**
   * Stores what has changed and says what the answer's headers need. Synchronous where there is nothing to store.
   * @throws SessError, also synchronously; the answer must not leave then
   */
  commit(answer: CommittedAnswer): SessionHeaders | Promise<SessionHeaders> {
    if (answer.isGiven === true) this.isAnswered = true;
    if (answer.isFailed !== true) return this.#commit(answer);
    try {
      const headers = this.#commit(answer);
      return headers instanceof Promise ? headers.catch((error: unknown) => this.#answerUnstored(error)) : headers;
    } catch (error) {
      return this.#answerUnstored(error);
    }
  }

  #answerUnstored(error: unknown): SessionHeaders {
    if (this.operations.wasToldOf(error)) return this.#answer(true);
    throw error;
  }

  #commit(answer: CommittedAnswer): SessionHeaders | Promise<SessionHeaders> {
    const { isFailed: failed = false, isSecond = false, isEnded = false } = answer;
    const { isBusy } = this.operations;
    if (this.headers.isFaultSurfaced && failed && !isBusy) return this.#answer(failed);
    // What is under way is awaited first: an error answer, too, depends on what was done in the store.
    if (!failed && !isBusy) this.operations.throwUntold();
    const pending = isBusy ? undefined : this.#pending();
    if (pending === undefined && !isBusy) return this.#answer(failed);
    const alone = isEnded && this.#commits === undefined ? pending : undefined;
    if (alone !== undefined && writeAtOnce(this, this.state, alone.changes)) return this.#answer(failed);
    this.operations.isAnswerHeld = true;
    const commits = (this.#commits ??= new Commits(this.engine));
    const work =
      pending === undefined ? this.#commitBehind(failed) : commits.store(storePending(this, this.state, pending));
    return commits.wait(work, isSecond).then(
      () => {
        // The app goes on while its answer is held: this is the last moment to change a cookie session.
        const late = this.engine.carrier.holdsSession && !this.operations.isBusy ? this.#pending() : undefined;
        if (late !== undefined) writeAtOnce(this, this.state, late.changes);
        return this.#answer(failed);
      },
      (error: unknown) =>
        // A touch that takes too long does not fail the answer.
        pending?.isTouch === true ? this.#answer(failed) : Promise.reject(this.surface(error)),
    );
  }

  async #commitBehind(failed: boolean): Promise<void> {
    await this.operations.settled();
    if (!failed) this.operations.throwUntold();
    else if (this.headers.isFaultSurfaced) return;
    const pending = this.#pending();
    if (pending !== undefined) await this.#commits?.store(storePending(this, this.state, pending));
  }

  #pending(): Pending | undefined {
    return this.fault === undefined && this.#state !== undefined ? pendingOf(this.engine, this.#state) : undefined;
  }

  #answer(failed: boolean): SessionHeaders {
    // A logout that waits for what is being stored has the last word. If it failed it has not: the session is still there.
    const isEnding = this.#state?.closing === 'destroyed' && !(failed && this.headers.isFaultSurfaced);
    const headers = this.headers.of(failed, isEnding);
    this.operations.isAnswerHeld = false;
    return headers;
  }
}
