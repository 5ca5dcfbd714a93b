import type { CookieSettings } from '../cookie/cookie.ts';
import { SessError } from '../errors.ts';

/** What the cookie view needs of the session. */
export interface CookieSubject {
  readonly settings: CookieSettings;
  persistent(): boolean;
  /** The present, by the session's clock. */
  now(): number;
  /** Until the deadline. */
  remainingMs(): number;
  idleTimeoutMs(): number;
  /** `undefined`: the cookie ends with the browser. */
  live(ms: number | undefined): void;
}

/**
 * The session's cookie as express-session's users know it: a view, never data. Its lifetime stands
 * for the session's: assigning `maxAge` sets the idle timeout and makes the cookie persistent.
 */
export class SessionCookie {
  readonly #subject: CookieSubject;

  constructor(subject: CookieSubject) {
    this.#subject = subject;
  }

  /** Milliseconds until the session ends; `null` for a cookie that ends with the browser. */
  get maxAge(): number | null {
    return this.#subject.persistent() ? this.#subject.remainingMs() : null;
  }

  set maxAge(ms: number | null | undefined) {
    this.#subject.live(ms ?? undefined);
  }

  get expires(): Date | null {
    return this.#subject.persistent() ? new Date(this.#subject.now() + this.#subject.remainingMs()) : null;
  }

  set expires(date: Date | null | false | undefined) {
    this.#subject.live(date instanceof Date ? date.getTime() - this.#subject.now() : undefined);
  }

  get originalMaxAge(): number | null {
    return this.#subject.persistent() ? this.#subject.idleTimeoutMs() : null;
  }

  get httpOnly(): true {
    return true;
  }

  set httpOnly(_: never) {
    refuse('httpOnly');
  }

  get path(): string {
    return this.#subject.settings.path;
  }

  set path(_: never) {
    refuse('path');
  }

  get domain(): string | undefined {
    return this.#subject.settings.domain;
  }

  set domain(_: never) {
    refuse('domain');
  }

  get secure(): boolean {
    return this.#subject.settings.secure;
  }

  set secure(_: never) {
    refuse('secure');
  }

  get sameSite(): 'lax' | 'strict' | 'none' {
    return this.#subject.settings.sameSite;
  }

  set sameSite(_: never) {
    refuse('sameSite');
  }

  get partitioned(): boolean {
    return this.#subject.settings.partitioned;
  }

  set partitioned(_: never) {
    refuse('partitioned');
  }

  get priority(): 'low' | 'medium' | 'high' | undefined {
    return this.#subject.settings.priority;
  }

  set priority(_: never) {
    refuse('priority');
  }

  get data(): Record<string, unknown> {
    return this.toJSON();
  }

  toJSON(): Record<string, unknown> {
    const { originalMaxAge, expires, httpOnly, path, domain, secure, sameSite } = this;
    return { originalMaxAge, expires, httpOnly, path, domain, secure, sameSite };
  }
}

/** Types refuse it too. In a script that is not strict it would otherwise be ignored in silence. */
function refuse(attribute: string): never {
  throw new SessError(
    'CONFIG_INVALID',
    `session.cookie.${attribute} is the same for all sessions: set it at the start, createSessions({ cookie: { ${attribute} } }). Of one session maxAge and expires can be set.`,
  );
}
