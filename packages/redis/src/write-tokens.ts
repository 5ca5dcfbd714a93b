import { randomBytes } from 'node:crypto';
import { type KeyedWork, type SessionKey, WorkByKey } from '@sess/core';
import { assertSessionKey } from './session-key.ts';

/** A write on its way. */
export class Write implements KeyedWork {
  readonly key: SessionKey;
  after: this | undefined;
  /** 11 characters: 6 of this store, 5 of a counter. The session remembers it. */
  readonly token: string;
  /** Whether no other write of this session is under way in this process. */
  readonly isAlone: boolean;
  /** When it began, by `performance.now()`. */
  readonly begunAt: number = performance.now();

  constructor(key: SessionKey, token: string, isAlone: boolean) {
    this.key = key;
    this.token = token;
    this.isAlone = isAlone;
  }
}

/**
 * Names writes, so that one that was sent twice is known again, and dates them, so that one that comes after its caller
 * has given up does nothing.
 *
 * The server's clock is known from its last answer. Only differences count: skewed hosts do no harm. When its clock
 * jumps, or a failover brings another, a write may be refused as late; the refusal tells the time, and it goes again.
 */
export class WriteTokens {
  readonly #timeoutMs: number;
  readonly #writer = randomBytes(5).toString('base64url').slice(0, 6);
  readonly #underWay = new WorkByKey<Write>();
  #counter = 0;
  #ahead: number | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** @throws `TypeError` for what cannot be a key */
  begin(key: SessionKey): Write {
    assertSessionKey(key);
    this.#counter = (this.#counter + 1) % 36 ** 5;
    const token = this.#writer + this.#counter.toString(36).padStart(5, '0');
    const write = new Write(key, token, this.#underWay.get(key) === undefined);
    this.#underWay.add(write);
    return write;
  }

  end(write: Write): void {
    this.#underWay.delete(write);
  }

  /** The latest time, by the server's clock, that the write may happen at; '0' while that clock is not known. */
  latest({ begunAt }: Write): string {
    return this.#ahead === undefined ? '0' : String(Math.ceil(begunAt + this.#timeoutMs + this.#ahead));
  }

  /** Reads the server's clock from an answer, in ms. */
  learn(serverNow: unknown): void {
    // The time of arrival makes it early by the way back: then what is dated in time is also answered in time.
    this.#ahead = Number(serverNow) - performance.now();
  }
}
