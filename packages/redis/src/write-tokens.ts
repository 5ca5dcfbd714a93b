import { randomBytes } from 'node:crypto';
import type { SessionKey } from '@sess/core';
import { type KeyedWork, WorkByKey, graceMs } from '@sess/core/internal';
import type { Link } from './link.ts';
import { assertSessionKey } from './session-key.ts';

/** A write on its way. */
export class Write implements KeyedWork {
  readonly key: SessionKey;
  after: this | undefined;
  /** 11 characters: 6 of this store, 5 of a counter. The session remembers it. */
  readonly token: string;
  /** Whether nothing else that this process has written to the session is under way. */
  readonly isAlone: boolean;
  /** When it began, by `performance.now()`. */
  readonly begunAt: number;
  /** Until when it may be done, by `performance.now()`. */
  dueAt: number;
  /** How often it was sent without an answer, and since when. */
  unanswered = 0;
  sentAt = 0;
  /** Nobody waits for it any more. */
  isOver = false;

  constructor(key: SessionKey, token: string, isAlone: boolean, begunAt: number, dueAt: number) {
    this.key = key;
    this.token = token;
    this.isAlone = isAlone;
    this.begunAt = begunAt;
    this.dueAt = dueAt;
  }
}

/**
 * Names writes, so that one that was sent twice is known again, and dates them, so that one that comes after its caller
 * has given up does nothing.
 *
 * The server's clock is known from its answers. Only differences count: skewed hosts do no harm. When its clock jumps,
 * or a failover brings another, a write may be refused as late; the refusal tells the time, and it goes again.
 */
export class WriteTokens {
  readonly #timeoutMs: number;
  readonly #connection: Pick<Link, 'lostAt'>;
  readonly #underWay = new WorkByKey<Write>();
  #writer = newWriter();
  #counter: number;
  /** By how much the server's clock is ahead of `performance.now()`. */
  #ahead: number | undefined;
  #doubtfulUntil = -Infinity;

  /** `counter`: where to count from. */
  constructor(timeoutMs: number, connection: Pick<Link, 'lostAt'>, counter = 0) {
    this.#timeoutMs = timeoutMs;
    this.#connection = connection;
    this.#counter = counter;
  }

  /** @throws `TypeError` for what cannot be a key */
  begin(key: SessionKey): Write {
    assertSessionKey(key);
    this.#counter += 1;
    if (this.#counter === 36 ** 5) {
      // A quiet session may still hold a token of the round before.
      this.#counter = 0;
      this.#writer = newWriter();
    }
    const token = this.#writer + this.#counter.toString(36).padStart(5, '0');
    const now = performance.now();
    const isAlone = !this.#isInDoubt(now) && this.#underWay.get(key) === undefined;
    const write = new Write(key, token, isAlone, now, now + this.#timeoutMs);
    this.#underWay.add(write);
    return write;
  }

  end(write: Write): void {
    write.isOver = true;
    this.#underWay.delete(write);
    // What was sent and not answered can still arrive: the session must know it until then.
    if (write.unanswered > 0) this.#doubtfulUntil = Math.max(this.#doubtfulUntil, write.dueAt);
  }

  /**
   * Whether a write of this process that is over may still arrive. ioredis may send again by itself what a lost
   * connection left open: then the second copy is answered, and the first is wanted until its time is up.
   */
  #isInDoubt(now: number): boolean {
    return now <= this.#doubtfulUntil || now - this.#connection.lostAt < this.#timeoutMs + graceMs;
  }

  get knowsClock(): boolean {
    return this.#ahead !== undefined;
  }

  /** The latest time, by the server's clock, that the write may happen at. */
  latest({ dueAt }: Write): number {
    return Math.ceil(dueAt + (this.#ahead ?? 0));
  }

  /**
   * To be called when it is sent.
   *
   * @returns how long ago it was sent before, in ms, if that may have reached the server; 0 for the first time
   */
  sent(write: Write, now: number): number {
    if (write.unanswered === 0) write.sentAt = now;
    const ageMs = write.unanswered === 0 ? 0 : Math.ceil(now - write.sentAt) + 1;
    write.unanswered += 1;
    return ageMs;
  }

  /** The server has answered it, or it did not leave. */
  answered(write: Write): void {
    write.unanswered -= 1;
  }

  /**
   * It came too late because this process stalled, or by a clock that we did not know, and its caller still waits: it
   * gets as long as a stalled process has for its answers.
   */
  postpone(write: Write): void {
    write.dueAt = Math.max(write.dueAt, performance.now() + graceMs);
  }

  /**
   * Reads the server's clock, in ms, from an answer to what was sent at a time.
   *
   * It showed that time somewhere between the sending and now. What we know is kept if that bears it, since after a stall
   * of this process an answer was there long before it is read. Otherwise the clock is taken to be early by the way back:
   * then what is dated in time is also answered in time.
   */
  learn(serverNow: number, sentAt: number): void {
    const least = serverNow - performance.now();
    const most = serverNow + 1 - sentAt;
    if (this.#ahead === undefined || this.#ahead < least || this.#ahead > most) this.#ahead = least;
  }
}

function newWriter(): string {
  return randomBytes(5).toString('base64url').slice(0, 6);
}
