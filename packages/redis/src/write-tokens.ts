import { randomBytes } from 'node:crypto';
import type { SessionKey } from '@sess/core';

/** A write on its way. */
export interface Write {
  /** 11 characters: 6 of this store, 5 of a counter. The session remembers it. */
  token: string;
  /** Whether no other write of this session is under way in this process. */
  isAlone: boolean;
  /** When it began, by `performance.now()`. */
  begunAt: number;
  /** The latest time, by the server's clock, that the write may happen at; '0' while that clock is not known. */
  latest(): string;
  /** Reads the server's clock from an answer, in ms. */
  learn(serverNow: unknown): void;
  end(): void;
}

export interface WriteTokens {
  begin(key: SessionKey): Write;
}

/**
 * Names writes, so that one that was sent twice is known again, and dates them, so that one that comes after its caller
 * has given up does nothing.
 *
 * The server's clock is known from its last answer. Only differences count: skewed hosts do no harm. When its clock
 * jumps, or a failover brings another, a write may be refused as late; the refusal tells the time, and it goes again.
 */
export function writeTokens(timeoutMs: number): WriteTokens {
  const writer = randomBytes(5).toString('base64url').slice(0, 6);
  const underWay = new Map<SessionKey, number>();
  let counter = 0;
  let ahead: number | undefined;

  function begin(key: SessionKey): Write {
    const others = underWay.get(key) ?? 0;
    underWay.set(key, others + 1);
    counter = (counter + 1) % 36 ** 5;
    const begunAt = performance.now();
    return {
      token: writer + counter.toString(36).padStart(5, '0'),
      isAlone: others === 0,
      begunAt,
      latest() {
        return ahead === undefined ? '0' : String(Math.ceil(begunAt + timeoutMs + ahead));
      },
      learn(serverNow) {
        // The time of arrival makes it early by the way back: then what is dated in time is also answered in time.
        ahead = Number(serverNow) - performance.now();
      },
      end() {
        const left = (underWay.get(key) ?? 1) - 1;
        if (left > 0) underWay.set(key, left);
        else underWay.delete(key);
      },
    };
  }

  return { begin };
}
