import { SessError } from '../errors.ts';
import type { SessionSettings } from '../store.ts';
import type { FormerCookie } from './former-cookie.ts';

/**
 * The sessions of another library, whose users are taken over: made by `connectSid()`, `koaSession()`, `cookieSession()`
 * or `ironSession()` of `@sess/core/formerly`, and given to `createSessions({ formerly })`.
 */
export interface FormerSessions {
  /** The cookie by which that library finds a session. */
  readonly cookieName: string;
  /**
   * The session that a `Cookie` header names. Nothing is looked up, and nothing thrown.
   *
   * @returns `undefined` where there is no cookie of theirs, or its signature is wrong
   */
  find(cookieHeader: string | undefined): FormerSession | undefined | Promise<FormerSession | undefined>;
}

/** One session of another library, whose cookie has been verified. */
export interface FormerSession {
  /** 32 bytes in base64url that follow from the old secret and the session's id: the same in each worker, at each retry. */
  readonly seed: string;
  /** The cookies that name it, to be taken from the browser. */
  readonly cookies: readonly FormerCookie[];
  /** What it holds; `undefined` where it has ended. */
  read(): Promise<FormerData | undefined>;
  /** Removes the old record, if it is there. Absent where only the cookie holds the session. */
  readonly remove?: () => Promise<void>;
  /** When its cookie ends at the latest, in milliseconds since the epoch, where the cookie says so. */
  readonly lastsUntil?: number | undefined;
}

/** What another library has kept of a session. */
export interface FormerData {
  /** The data of the session, as that library gave it to the app. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Whom it belongs to, so that all of an owner's sessions can be ended. */
  readonly owner?: string | undefined;
  /** Its deadline, in milliseconds since the epoch, where it had one. */
  readonly expiresAt?: number | undefined;
  /** Its own idle timeout, and whether its cookie outlived the browser, where that is known. */
  readonly settings?: SessionSettings | undefined;
}

/**
 * Whose session it is, by its data: `(data) => data.user`. A text, no promise of one; nobody's where it returns `undefined`
 * or `null`. What it returns is looked at, since nobody knows the types of old data.
 */
export type OwnerOf = (data: Readonly<Record<string, unknown>>) => unknown;

/** @throws SessError `CONFIG_INVALID` when the app's `owner` throws, or names no text */
export function ownerOf(data: FormerData['data'], owner: OwnerOf | undefined): string | undefined {
  let named: unknown;
  try {
    named = owner?.(data);
  } catch (error) {
    throw new SessError('CONFIG_INVALID', 'The owner() of formerly threw for a session that is taken over.', {
      cause: error,
    });
  }
  if (named === undefined || named === null) return undefined;
  if (typeof named === 'string' && named !== '') return named;
  throw new SessError(
    'CONFIG_INVALID',
    'The owner() of formerly must return a text that is not empty, of a number String(id); or undefined where nobody is logged in.',
  );
}
