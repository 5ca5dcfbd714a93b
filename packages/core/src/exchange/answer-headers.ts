import type { Claim } from '../cookie/claim.ts';
import { clearingCookie, sessionCookie } from '../cookie/cookie-line.ts';
import { isSessError } from '../errors.ts';
import type { SessionHeaders } from '../response/session-headers.ts';
import type { SessionState } from '../session/session-state.ts';
import type { Engine } from './engine.ts';

/** What a request's session has to say in the head of the answer, as it comes about. */
export class AnswerHeaders {
  readonly #engine: Engine;
  readonly #claim: Claim | undefined;
  #cookieDuty: 'set' | 'clear' | undefined;
  #isLookedAt = false;
  #isFaultSurfaced = false;
  #haveLeft = false;

  constructor(engine: Engine, claim: Claim | undefined) {
    this.#engine = engine;
    this.#claim = claim;
  }

  /** Headers that leave from here on can not carry a cookie: they are gone, or there are none (a WebSocket). */
  get haveLeft(): boolean {
    return this.#haveLeft;
  }

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

  setCookie(): void {
    this.#cookieDuty = 'set';
  }

  /** Clears the cookie, where the browser has one of ours. */
  clearCookie(): void {
    this.#cookieDuty = this.#claim === undefined ? undefined : 'clear';
  }

  /** A cookie is to be earned again. One that is to be cleared still is. */
  keepCookie(): void {
    if (this.#cookieDuty === 'set') this.#cookieDuty = undefined;
  }

  /** What an error in place of the answer says of the cookie: nothing, unless the app has destroyed its session. */
  failureCookie(): string | undefined {
    return this.#cookieDuty === 'clear' && !this.#haveLeft ? clearingCookie(this.#engine) : undefined;
  }

  /** @param failed the answer is an error (5xx): where the app was told of a fault, the cookie is left alone */
  of(failed: boolean, current: () => SessionState): SessionHeaders {
    const duty = this.#haveLeft || (this.#isFaultSurfaced && failed) ? undefined : this.#cookieDuty;
    // An app that got over a fault and stored the session after all has an answer like any other.
    const headers: SessionHeaders = { vary: this.#isLookedAt, fault: this.#isFaultSurfaced && duty === undefined };
    if (duty === 'clear') headers.setCookie = clearingCookie(this.#engine);
    if (duty === 'set') headers.setCookie = sessionCookie(this.#engine, current(), current().claim.cookieValue());
    this.#haveLeft = true;
    return headers;
  }
}
