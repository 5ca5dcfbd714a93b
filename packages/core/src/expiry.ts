import type { SessionSettings } from './store.ts';

/** When sessions end, in milliseconds. */
export interface Timeouts {
  /** A session that nobody used for this long has ended. */
  idleTimeoutMs: number;
  /** A session this old has ended, however busy it is. */
  absoluteTimeoutMs: number;
  /** A touch is written when the last write or touch is older than this. */
  touchAfterMs: number;
}

/** Some 31,000 years. What is longer does not fit in a `Date`. */
export const LONGEST_LIFETIME_MS = 1e15;

/** What the arithmetic needs to know of a session. */
export interface SessionAge {
  createdAt: number;
  touchedAt: number;
  settings?: SessionSettings | undefined;
}

export function idleTimeoutOf(settings: SessionSettings | undefined, timeouts: Timeouts): number {
  return settings?.idleTimeoutMs ?? timeouts.idleTimeoutMs;
}

export function absoluteDeadline(createdAt: number, timeouts: Timeouts): number {
  return createdAt + timeouts.absoluteTimeoutMs;
}

/** The deadline that a write at `now` stores: the idle timeout from now, within the absolute one. */
export function deadlineAt(now: number, age: SessionAge, timeouts: Timeouts): number {
  return Math.min(now + idleTimeoutOf(age.settings, timeouts), absoluteDeadline(age.createdAt, timeouts));
}

/**
 * Whether the session outlived its absolute timeout. (The idle timeout is the store's deadline:
 * judging it here too would let a skewed host end sessions.)
 */
export function isPastAbsolute(now: number, createdAt: number, timeouts: Timeouts): boolean {
  return now >= absoluteDeadline(createdAt, timeouts);
}

/**
 * Whether a use of the session should move its deadline. It should also where the last use lies in the future, on a host
 * whose clock is ahead: a store with a clock of its own counts down all the same.
 */
export function isTouchDue(now: number, age: SessionAge, timeouts: Timeouts): boolean {
  const own = age.settings?.idleTimeoutMs;
  const after = own === undefined ? timeouts.touchAfterMs : own / 24;
  return Math.abs(now - age.touchedAt) > after;
}
