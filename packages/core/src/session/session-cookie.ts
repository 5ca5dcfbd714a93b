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

  get path(): string {
    return this.#subject.settings.path;
  }

  get domain(): string | undefined {
    return this.#subject.settings.domain;
  }

  get secure(): boolean {
    return this.#subject.settings.secure;
  }

  get sameSite(): 'lax' | 'strict' | 'none' {
    return this.#subject.settings.sameSite;
  }

  get partitioned(): boolean {
    return this.#subject.settings.partitioned;
  }

  get priority(): 'low' | 'medium' | 'high' | undefined {
    return this.#subject.settings.priority;
  }

  get data(): Record<string, unknown> {
    return this.toJSON();
  }

  toJSON(): Record<string, unknown> {
    const { originalMaxAge, expires, httpOnly, path, domain, secure, sameSite } = this;
    return { originalMaxAge, expires, httpOnly, path, domain, secure, sameSite };
  }
}

/** The same for all sessions. Types say so; in a script that is not strict an assignment would be ignored in silence. */
for (const attribute of ['httpOnly', 'path', 'domain', 'secure', 'sameSite', 'partitioned', 'priority']) {
  Object.defineProperty(SessionCookie.prototype, attribute, {
    ...Object.getOwnPropertyDescriptor(SessionCookie.prototype, attribute),
    set() {
      throw new SessError(
        'CONFIG_INVALID',
        `session.cookie.${attribute} is the same for all sessions: set it at the start, createSessions({ cookie: { ${attribute} } }). Of one session maxAge and expires can be set.`,
      );
    },
  });
}
