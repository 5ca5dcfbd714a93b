import { describe, expect, it } from 'vitest';

import { type Timeouts, absoluteDeadline, deadlineAt, idleTimeoutOf, isPastAbsolute, isTouchDue } from './expiry.ts';

const timeouts: Timeouts = { idleTimeoutMs: 2400, absoluteTimeoutMs: 10_000, touchAfterMs: 100 };
const age = (touchedAt: number, idleTimeoutMs?: number) => ({
  createdAt: 0,
  touchedAt,
  settings: idleTimeoutMs === undefined ? undefined : { idleTimeoutMs },
});

describe('the deadline of a session', () => {
  it('is the idle timeout from its last use', () => {
    expect(deadlineAt(500, age(0), timeouts)).toBe(2900);
  });

  it('never lies behind the absolute timeout, however often the session is used', () => {
    expect(deadlineAt(7600, age(7500), timeouts)).toBe(10_000);
    expect(deadlineAt(9999, age(9998), timeouts)).toBe(10_000);
    expect(deadlineAt(500, age(0, 1e300), timeouts)).toBe(absoluteDeadline(0, timeouts));
  });

  it('goes by the session’s own idle timeout where it has one', () => {
    expect(deadlineAt(500, age(0, 60), timeouts)).toBe(560);
    expect(idleTimeoutOf({ persistent: true }, timeouts)).toBe(2400);
    expect(idleTimeoutOf({ idleTimeoutMs: 60 }, timeouts)).toBe(60);
  });
});

describe('the absolute timeout', () => {
  it('ends the session at its instant, not one millisecond before', () => {
    expect(isPastAbsolute(9999, 0, timeouts)).toBe(false);
    expect(isPastAbsolute(10_000, 0, timeouts)).toBe(true);
  });
});

describe('a touch', () => {
  it('is due when the last one is older than the interval', () => {
    expect(isTouchDue(600, age(500), timeouts)).toBe(false);
    expect(isTouchDue(601, age(500), timeouts)).toBe(true);
  });

  it('is due after 1/24 of the session’s own idle timeout', () => {
    expect(isTouchDue(510, age(500, 240), timeouts)).toBe(false);
    expect(isTouchDue(511, age(500, 240), timeouts)).toBe(true);
  });

  it('is not due on a host whose clock is a little behind', () => {
    expect(isTouchDue(400, age(500), timeouts)).toBe(false);
  });

  it('is due where the last use lies in the future: a store that counts down would end the session', () => {
    expect(isTouchDue(399, age(500), timeouts)).toBe(true);
  });
});
