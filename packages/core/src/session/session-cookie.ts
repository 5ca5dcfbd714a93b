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

  /** When the session ends; `null` for a cookie that ends with the browser. */
  get expires(): Date | null {
    return this.#subject.persistent() ? new Date(this.#subject.now() + this.#subject.remainingMs()) : null;
  }

  set expires(date: Date | null | false | undefined) {
    this.#subject.live(date instanceof Date ? date.getTime() - this.#subject.now() : undefined);
  }

  /** Milliseconds that the session lives unused; `null` for a cookie that ends with the browser. */
  get originalMaxAge(): number | null {
    return this.#subject.persistent() ? this.#subject.idleTimeoutMs() : null;
  }

  /** Always true: no script needs to read the session's cookie. */
  get httpOnly(): true {
    return true;
  }

  /** Below which path browsers send the cookie. */
  get path(): string {
    return this.#subject.settings.path;
  }

  /** The domain whose hosts all get the cookie; `undefined` for the one host that sent it. */
  get domain(): string | undefined {
    return this.#subject.settings.domain;
  }

  /** Whether browsers send the cookie over https alone. */
  get secure(): boolean {
    return this.#subject.settings.secure;
  }

  /** Whether requests that other sites begin bring the cookie. */
  get sameSite(): 'lax' | 'strict' | 'none' {
    return this.#subject.settings.sameSite;
  }

  /** Whether a site that embeds yours gets a cookie of its own. */
  get partitioned(): boolean {
    return this.#subject.settings.partitioned;
  }

  /** Which cookies a browser that has too many drops first. */
  get priority(): 'low' | 'medium' | 'high' | undefined {
    return this.#subject.settings.priority;
  }

  /** The same as `toJSON()`, for middleware that expects it here. */
  get data(): Record<string, unknown> {
    return this.toJSON();
  }

  /** The attributes, for a log or a debugger. */
  toJSON(): Record<string, unknown> {
    const { originalMaxAge, expires, httpOnly, path, domain, secure, sameSite } = this;
    return { originalMaxAge, expires, httpOnly, path, domain, secure, sameSite };
  }
}

/** These are the same for all sessions. Without types and strict mode an assignment would be ignored in silence. */
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
