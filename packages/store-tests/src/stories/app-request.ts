import { type Sessions, currentSession, isSessError } from '@sess/core';
import type { AnySession } from './any-session.ts';
import type { Ending, Issued, Source, Write } from './history.ts';
import { rotate } from './rotation.ts';
import type { Scene } from './scene.ts';
import type { UserName } from './story.ts';

type Replacement = Extract<Ending, { what: 'replacement' }>;

/** The handler's side of one request. It writes down what the handler does and is told. */
export class AppRequest {
  readonly scene: Scene;
  readonly sessions: Sessions;
  readonly by: Source;
  /** The cookie that was sent. */
  readonly sent: Issued | undefined;
  /** The same, if its session was found. */
  readonly cookie: Issued | undefined;
  readonly begunAt: number;
  /** Known to be stored, or not, only with the answer. */
  readonly implicitWrites: Write[] = [];
  replacement: Replacement | undefined;
  /** Of the session that was found: the cookie's own, or what that was rotated into. */
  readonly openedHandle: string | undefined;
  #isRotation = false;
  readonly #opened: AnySession;

  constructor(scene: Scene, by: Source, opened: AnySession, sent: Issued | undefined, begunAt: number) {
    const cookie = opened.isNew ? undefined : sent;
    this.sent = sent;
    this.scene = scene;
    this.sessions = scene.workerOf(by.act);
    this.by = by;
    this.cookie = cookie;
    this.begunAt = begunAt;
    this.openedHandle = cookie && opened.handle;
    this.#opened = opened;
  }

  /** After a regenerate it is the new one. */
  get session(): AnySession {
    return currentSession(this.#opened) as AnySession;
  }

  /** Writes down a change, which is stored with the answer. */
  willWrite(what: Write['what'], value: Write['value']): Write | undefined {
    if (this.cookie === undefined) return undefined;
    const { by, cookie, begunAt } = this;
    const write: Write = { by, cookie, what, value, begunAt, doneAt: Infinity, isExplicit: false, outcome: 'unknown' };
    this.scene.history.writes.push(write);
    this.implicitWrites.push(write);
    return write;
  }

  /** Does what says by itself whether a change is stored. */
  async writeNow(what: Write['what'], value: Write['value'], work: () => Promise<unknown>): Promise<void> {
    const write = this.willWrite(what, value);
    if (write === undefined) return void (await work());
    this.implicitWrites.pop();
    write.isExplicit = true;
    try {
      await work();
      write.outcome = 'stored';
    } catch (error) {
      if (isGone(error)) write.outcome = 'refused';
      throw error;
    } finally {
      write.doneAt = this.scene.history.step();
    }
  }

  /** Does what ends sessions. */
  async end(ending: Ending, work: () => Promise<unknown>): Promise<void> {
    ending.begunAt = this.scene.history.step();
    this.scene.history.endings.push(ending);
    await work();
    ending.doneAt = this.scene.history.step();
    ending.isConfirmed = true;
  }

  /** Its session was not found. Where an end marker stands, the logout ends what was put in the session's place. */
  async logOutUnseen(): Promise<void> {
    const { sent, by } = this;
    const begunAt = this.scene.history.step();
    if (sent !== undefined)
      this.scene.history.endings.push({ ...unanswered(by), begunAt, what: 'logout', cookie: sent });
    await this.session.destroy();
  }

  async rotate(): Promise<void> {
    this.willReplace();
    this.#isRotation = true;
    await rotate(this.session);
    this.#noteRotation();
  }

  async saveRotation(): Promise<void> {
    await this.session.save();
    this.#noteRotation();
  }

  #noteRotation(): void {
    if (this.cookie !== undefined)
      this.scene.history.rotations.push({ from: this.cookie, handle: this.session.handle });
  }

  willReplace(): void {
    if (this.cookie === undefined) return;
    const { by, cookie, begunAt } = this;
    const span = { begunAt, doneAt: Infinity, isConfirmed: false };
    this.replacement = { by, what: 'replacement', cookie, made: undefined, ...span };
    this.scene.history.endings.push(this.replacement);
  }

  /** @param spares is named by its handle or by itself: what the request has pending counts either way */
  async revokeAll(user: UserName, spares?: AnySession): Promise<void> {
    const { by, cookie } = this;
    const options = spares === undefined ? {} : { except: by.act.id % 2 === 0 ? spares : spares.handle };
    const ending: Ending = { ...unanswered(by), what: 'revoke all', user, spares: spares && cookie };
    await this.end(ending, () => this.sessions.revokeAll(this.scene.ownerOf(user), options));
  }

  /** With the answer all is known; a failed one leaves open what was not answered before. */
  answered(failure: unknown, made: Issued | undefined): void {
    const at = this.scene.history.step();
    for (const write of this.implicitWrites) {
      write.doneAt = at;
      if (failure === undefined) write.outcome = 'stored';
    }
    const { replacement } = this;
    if (replacement === undefined) return;
    // Another request has rotated the session first: the two are one session, and nothing was replaced.
    if (this.#isRotation && made === undefined && failure === undefined)
      return void this.scene.history.endings.splice(this.scene.history.endings.indexOf(replacement), 1);
    replacement.doneAt = at;
    replacement.made = made;
    replacement.isConfirmed = failure === undefined || isGone(failure);
  }
}

export function unanswered(by: Source): { by: Source; begunAt: number; doneAt: number; isConfirmed: boolean } {
  return { by, begunAt: 0, doneAt: Infinity, isConfirmed: false };
}

/** The session had ended: it is certain that nothing was done. */
export function isGone(error: unknown): boolean {
  return isSessError(error) && (error.code === 'SESSION_GONE' || error.code === 'SESSION_ENDED');
}
