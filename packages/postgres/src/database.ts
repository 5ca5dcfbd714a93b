import { SessError } from '@sess/core';
import { WorkInHand, beginDeadline } from '@sess/core/internal';
import type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from './postgres-pool.ts';
import { type Passing, asSessError, isAnswer, passingReason, standby, tooLate } from './postgres-errors.ts';
import type { Statement } from './statements.ts';

interface DatabaseParts {
  /** `isPooled`: a pooler between takes neither settings at the start of a connection nor names of statements. */
  connect(isPooled: boolean): PostgresPool;
  /** A user's pool stays open. */
  isOurs: boolean;
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
  #pool: PostgresPool;
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
  async run(statement: Statement, values: unknown[] | undefined, by: number): Promise<Answer> {
    if (this.#closing !== undefined)
      throw new SessError('STORE_UNAVAILABLE', `The PostgreSQL store (${this.#parts.where}) is closed.`);
    this.#workInHand.begin();
    try {
      return await this.#persist(statement, values, by);
    } finally {
      this.#workInHand.end();
    }
  }

  /** Finishes what is under way, and lets go of the pool. */
  close(): Promise<void> {
    this.#closing ??= this.#workInHand.settled().then(() => (this.#parts.isOurs ? this.#pool.end() : undefined));
    return this.#closing;
  }

  /** Tries until the statement is carried out, or cannot be. */
  async #persist(
    statement: Statement,
    values: unknown[] | undefined,
    by: number,
    met = new Set<Passing>(),
  ): Promise<Answer> {
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
        if (reason !== undefined) met.add(reason);
        if (!isMended) throw asSessError(error, this.#parts.where);
      }
    }
  }

  async #attempt(pool: PostgresPool, statement: Statement, values: unknown[] | undefined, by: number) {
    const client = await lentBy(pool, by);
    client.on('error', alreadyTold);
    let isUsable = true;
    try {
      const query = this.#queryOf(statement, values, by);
      isUsable = false;
      const result = await client.query(query);
      // The connection is dropped: the next one may lead to the new primary.
      if (result.rows?.[0]?.['is_standby'] === true) throw standby();
      isUsable = true;
      return result;
    } catch (error) {
      isUsable ||= isAnswer(error);
      throw error;
    } finally {
      client.release(!isUsable);
      client.removeListener('error', alreadyTold);
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
    const before = this.#pool;
    if (this.#parts.isOurs && !this.#isPooled) {
      this.#pool = this.#parts.connect(true);
      before.end().catch(() => {});
    }
    this.#isPooled = true;
  }
}

/** A connection without a transaction: an app's pool may lend one on which its app has left one open. */
async function lentBy(pool: PostgresPool, by: number): Promise<PostgresClient> {
  for (;;) {
    const client = await inTime(pool.connect(), by);
    if (isFree(client) || (await willBeFree(client, by))) return client;
    client.release(true);
  }
}

const isFree = (client: PostgresClient): boolean => (client.getTransactionStatus?.() ?? 'I') === 'I';

/** Whether what the app has sent ends the transaction: nobody may have waited for its COMMIT. */
async function willBeFree(client: PostgresClient, by: number): Promise<boolean> {
  try {
    await client.query({ text: '', values: [], query_timeout: Math.max(1, Math.ceil(by - performance.now())) });
    return isFree(client);
  } catch {
    return false;
  }
}

/** An app's pool may let us wait for ever. A connection that comes too late goes back. */
function inTime(connecting: Promise<PostgresClient>, by: number): Promise<PostgresClient> {
  return new Promise((resolve, reject) => {
    const end = beginDeadline(by - performance.now(), () => {
      reject(tooLate());
      connecting.then((client) => client.release()).catch(() => {});
    });
    void connecting.then(resolve, reject).finally(end);
  });
}

/** The statement under way has failed with the same error. */
function alreadyTold(): void {}
