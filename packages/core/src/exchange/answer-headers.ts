import type { IncomingMessage } from 'node:http';

import type { Claim } from '../cookie/claim.ts';
import { clearingCookie, clearingOtherScopes, sessionCookie } from '../cookie/cookie-line.ts';
import { type CookieAttributes, cookieOfOne } from '../cookie/cookie.ts';
import { isSessError } from '../errors.ts';
import { type FormerCookie, clearingFormer, isSamePlace } from '../former/former-cookie.ts';
import type { SessionHeaders } from '../response/session-headers.ts';
import type { SessionState } from '../session/session-state.ts';
import type { Engine } from './engine.ts';

/** What a request's session has to say in the head of the answer, as it comes about. */
export class AnswerHeaders {
  /** The framework's error handler answers in place of the app, so it knows of the error already. */
  areHandedOver = false;
  readonly #engine: Engine;
  #hasCookie: boolean;
  #hasSeveral = false;
  #former: readonly FormerCookie[] = [];
  /** What the answer's cookie has to do: give the browser this session, which is stored, or clear its cookie. */
  #cookieDuty: SessionState | 'clear' | undefined;
  #isLookedAt = false;
  #isFaultSurfaced = false;
  #areDecided = false;
  #haveLeft = false;
  /** Private, since it holds the token: whoever prints a session must not print it. */
  #request: IncomingMessage | undefined;
  #attributes: (() => CookieAttributes | undefined) | undefined;

  constructor(engine: Engine, claim: Claim | undefined) {
    this.#engine = engine;
    this.#hasCookie = claim !== undefined;
  }

  /** The browser sent several valid cookies: with the next one it gets, the others are cleared where that can be. */
  noteSeveral(): void {
    this.#hasCookie = true;
    this.#hasSeveral = true;
  }

  /** The browser's cookies are another library's. They go as soon as it gets ours, or has logged out. */
  noteFormer(cookies: readonly FormerCookie[]): void {
    this.#hasCookie = true;
    // Ours takes the place of one that lies where ours does. To clear that one would clear ours.
    this.#former = cookies.filter((cookie) => !isSamePlace(cookie, this.#engine.cookie));
  }

  /** The answer cannot carry another cookie: its headers are decided or gone, or there are none (a WebSocket). */
  get haveLeft(): boolean {
    return this.#areDecided || this.#haveLeft;
  }

  /** Whether the session is in its cookie, and that has left: nothing of it can be stored any more. */
  get hasSessionLeft(): boolean {
    return this.haveLeft && this.#engine.carrier.holdsSession;
  }

  /**
   * The headers answer this request of node:http.
   * @param attributes the cookie's, where they are not those of all sessions
   */
  answer(request: IncomingMessage, attributes: (() => CookieAttributes | undefined) | undefined): void {
    this.#request = request;
    this.#attributes = attributes;
  }

  /** They are on their way to the browser, or there are none. */
  leave(): void {
    this.#haveLeft = true;
  }

  /** The app has looked at the session: the answer depends on the cookie. */
  noteLook(): void {
    this.#isLookedAt = true;
  }

  /** The app was told of a fault of the store. */
  get isFaultSurfaced(): boolean {
    return this.#isFaultSurfaced;
  }

  noteError(error: unknown): void {
    if (isSessError(error) && error.status === 503) this.#isFaultSurfaced = true;
  }

  /** This session has been stored, and the browser does not have its cookie yet. */
  setCookie(state: SessionState): void {
    this.#cookieDuty = state;
  }

  /** Clears the cookie, where the browser has one of ours. */
  clearCookie(): void {
    this.#cookieDuty = this.#clearing;
  }

  get #clearing(): 'clear' | undefined {
    return this.#hasCookie ? 'clear' : undefined;
  }

  /**
   * The cookie of an error that replaces the answer: the browser must know what has been done in the store. Also where the
   * answer's own headers were decided, and a later change failed before they left.
   */
  failureCookie(): string | undefined {
    try {
      return this.#haveLeft ? undefined : this.#cookie(this.#cookieDuty);
    } catch {
      // It does not fit in a cookie.
      return undefined;
    }
  }

  /**
   * @param failed the answer is an error (5xx)
   * @param isEnding the app has destroyed the session, which may still be under way: if that fails, so does the answer
   * @throws SessError `COOKIE_TOO_LARGE`
   */
  of(failed: boolean, isEnding: boolean): SessionHeaders {
    const duty = isEnding ? this.#clearing : this.#cookieDuty;
    const setCookie = this.haveLeft ? undefined : this.#cookie(duty);
    if (setCookie !== undefined && this.#request !== undefined) this.#engine.noteCookie?.(this.#request);
    // If the app stored the session in spite of a fault, its answer is like any other.
    const fault = this.#isFaultSurfaced && (failed || setCookie === undefined);
    this.#areDecided = true;
    if (setCookie === undefined) return { vary: this.#isLookedAt, fault };
    const alsoClear = [
      ...(this.#hasSeveral ? clearingOtherScopes(this.#engine) : []),
      ...this.#former.map(clearingFormer),
    ];
    return { vary: this.#isLookedAt, fault, setCookie, ...(alsoClear.length > 0 && { alsoClear }) };
  }

  #cookie(duty: SessionState | 'clear' | undefined): string | undefined {
    if (duty === undefined) return undefined;
    // Another request may have rotated or ended the session meanwhile: then the browser has its cookie from that one.
    if (duty !== 'clear' && (duty.claim.isSuccessor || duty.standing !== 'stored')) return undefined;
    if (this.#attributes !== undefined) {
      const own = this.#attributes();
      const value = duty === 'clear' ? undefined : duty.claim.cookieValue();
      return own && cookieOfOne(this.#engine.cookie.name, value, own);
    }
    return duty === 'clear'
      ? clearingCookie(this.#engine)
      : sessionCookie(this.#engine, duty, duty.claim.cookieValue());
  }
}
