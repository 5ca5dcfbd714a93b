import { SessError } from '@sess/core';
import { WorkInHand } from '@sess/core/internal';
import type { Lender, PostgresQuery, PostgresResult } from './postgres-pool.ts';
import { type Passing, asSessError, isAnswer, passingReason, slipped, standby, tooLate } from './postgres-errors.ts';
import type { Statement } from './statements.ts';

// As it is when this is loaded: an app's tests that replace it for a while must stop no statement.
const { setTimeout } = globalThis;

/**
 * Often all connections end within some milliseconds. Those that are idle must have heard of it, or they are lent next, and
 * lost: of 40 calls at once up to 39 failed without this pause, and hardly one with it.
 */
const pauseAfterLossMs = 5;

interface DatabaseParts {
  /** `isPooled`: a pooler between takes neither settings at the start of a connection nor names of statements. */
  connect(isPooled: boolean): Lender;
  /** Where it goes, for messages. */
  where: string;
  timeoutMs: number;
  /** Makes the tables, if the store may. */
  makeTables: ((runs: Runs, by: number) => Promise<unknown>) | undefined;
}

/** What was written, and found. */
export interface Answer extends PostgresResult {
  /** The statement was sent once more after its connection was lost: it may have been carried out then already. */
  readonly isDoubtful: boolean;
}

/** What carries statements out. */
export type Runs = Pick<Database, 'run'>;

/** The database as the store uses it: every call ends, and every fault is a `SessError`. */
export class Database {
  readonly #parts: DatabaseParts;
  readonly #workInHand = new WorkInHand();
  #isPooled = false;
  #pool: Lender;
  #making: Promise<unknown> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: DatabaseParts) {
    this.#parts = parts;
    this.#pool = parts.connect(false);
  }

  /** The time of a call that begins now and whose caller names none. */
  soon(): number {
    return performance.now() + this.#parts.timeoutMs;
  }

  /** Runs a statement, or several in one transaction where there are no values. */
  run(statement: Statement, values: unknown[] | undefined, by: number): Promise<Answer> {
    if (this.#closing === undefined) return this.#persist(statement, values, by, new Set());
    return Promise.reject(new SessError('STORE_UNAVAILABLE', `The PostgreSQL store (${this.#parts.where}) is closed.`));
  }

  /** Finishes what is under way, and lets go of the pool. */
  close(): Promise<void> {
    this.#closing ??= this.#workInHand.settled().then(() => this.#pool.end());
    return this.#closing;
  }

  /** Tries until the statement is carried out, or cannot be. */
  async #persist(statement: Statement, values: unknown[] | undefined, by: number, met: Set<Passing>): Promise<Answer> {
    this.#workInHand.begin();
    try {
      for (;;) {
        const pool = this.#pool;
        try {
          const { rows, rowCount } = await this.#attempt(pool, statement, values, by);
          return { rows, rowCount, isDoubtful: met.has('lost') };
        } catch (error) {
          const reason = passingReason(error);
          // Meanwhile another call has met a pooler, and this one's pool has ended.
          const isOutdated = pool !== this.#pool;
          const isMended = isOutdated || (reason !== undefined && (await this.#mend(reason, met, by)));
          if (!isMended) throw asSessError(error, this.#parts.where, met.has('lost'));
          // What a pool that has ended says of a write is no proof that nothing was done.
          met.add(reason ?? 'lost');
        }
      }
    } finally {
      this.#workInHand.end();
    }
  }

  async #attempt(pool: Lender, statement: Statement, values: unknown[] | undefined, by: number) {
    const client = await (statement.isRead === true ? pool.share(by) : pool.lend(by));
    let isUsable = true;
    try {
      const query = this.#queryOf(statement, values, by);
      isUsable = false;
      const result = await client.query(query);
      // The connection is dropped: the next one may lead to the new primary.
      if (result.rows?.[0]?.['is_standby'] === true) throw standby();
      if (statement.isRead === true && !answersTo(values, result)) throw slipped();
      isUsable = true;
      return result;
    } catch (error) {
      isUsable ||= isAnswer(error);
      throw error;
    } finally {
      client.release(!isUsable);
    }
  }

  #queryOf({ text, name }: Statement, values: unknown[] | undefined, by: number): PostgresQuery {
    const query_timeout = Math.ceil(by - performance.now());
    // pg takes 0 for "no bound".
    if (query_timeout <= 0) throw tooLate();
    const isPrepared = name !== undefined && !this.#isPooled;
    return { text, query_timeout, ...(values && { values }), ...(isPrepared && { name }) };
  }

  /** Whether another try may succeed. Only conflicts may come again: core's bound ends that. */
  async #mend(reason: Passing, met: ReadonlySet<Passing>, by: number): Promise<boolean> {
    if (reason === 'conflict') return true;
    if (met.has(reason)) return false;
    if (reason === 'pooler') this.#goThroughPooler();
    if (reason === 'lost' || reason === 'unsent') await new Promise((resolve) => setTimeout(resolve, pauseAfterLossMs));
    if (reason !== 'tables') return true;
    if (this.#parts.makeTables === undefined) return false;
    // Not the public one: this call may have begun before `close()`. What makes the tables does not wait for itself.
    const run: Runs['run'] = (...call) => this.#persist(...call, new Set<Passing>(['tables']));
    // For all calls that miss them, so with time of its own.
    this.#making ??= this.#parts
      .makeTables({ run }, Math.max(by, this.soon()))
      .finally(() => (this.#making = undefined));
    await this.#making;
    return true;
  }

  #goThroughPooler(): void {
    if (this.#isPooled) return;
    this.#isPooled = true;
    const before = this.#pool;
    this.#pool = this.#parts.connect(true);
    before.end().catch(() => {});
  }
}

/** Where many reads are under way on a connection, an answer to another one would be the session of somebody else. */
function answersTo(values: unknown[] | undefined, { rows }: PostgresResult): boolean {
  const key = values?.[0];
  return Buffer.isBuffer(key) && rows[0]?.['key'] === key.toString('hex');
}
