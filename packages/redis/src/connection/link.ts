import { SessError } from '@sess/core';
import { CallsInOrder } from '@sess/core/internal';
import type { Redis } from 'ioredis';
import { Attempt, type CallInHand, type Line } from './attempt.ts';
import type { Call } from './call.ts';
import { ConnectionLosses } from './connection-losses.ts';
import { GreetingBound } from './greeting-bound.ts';
import { hangingUp } from './hang-up.ts';
import { connectionWasClosed, noConnection, notAnsweredYet } from './no-connection.ts';
import { OutgoingBatch } from './outgoing-batch.ts';
import { type RedisClient, isCluster, quit, streamOf } from './redis-client.ts';
import {
  asSessError,
  clientClosed,
  connectionLost,
  isRefusedSelect,
  saysWhy,
  storeClosed,
  withoutArguments,
} from './redis-errors.ts';
import { type ScriptRunner, scriptRunner } from './script-runner.ts';
import { usableClient } from './usable-client.ts';

interface LinkParts {
  client: RedisClient;
  /** Ours: we connect it, hang it up when it is silent, and close it. A user's client is only listened to. */
  isOurs: boolean;
  /** Where it goes, for messages. */
  where(): string;
  /** How long a call may take whose caller names no time. */
  timeoutMs: number;
  /** Whether a script is carried out before whatever is sent after it. Else it may be sent twice, and be late. */
  inOrder?: boolean;
}

/** A connection as the store uses it: every call ends, and every fault is a `SessError`. */
export class Link {
  readonly client: RedisClient;
  readonly where: () => string;
  /**
   * The client, for one command.
   *
   * @throws `STORE_UNAVAILABLE` if its user has switched it to another database
   */
  readonly usable: () => RedisClient;
  /** Runs a script; to be used inside a call. */
  readonly evaluate: ScriptRunner['evaluate'];
  readonly #isOurs: boolean;
  readonly #timeoutMs: number;
  readonly #single: Redis | undefined;
  /** Whether we decide what happens to calls when the connection is lost, since ioredis sends nothing again by itself. */
  readonly #isLostOnClose: boolean;
  readonly #scripts: ScriptRunner;
  readonly #greeting: GreetingBound;
  readonly #losses: ConnectionLosses;
  readonly #hangUp: () => void;
  readonly #outgoing = new OutgoingBatch();
  readonly #calls = new CallsInOrder<CallInHand>();
  #isClosed = false;
  #drained = (): void => {};
  #lastError: Error | undefined;

  constructor({ client, isOurs, where, timeoutMs, inOrder = false }: LinkParts) {
    this.client = client;
    this.where = where;
    this.#isOurs = isOurs;
    this.#timeoutMs = timeoutMs;
    this.#single = isCluster(client) ? undefined : client;
    this.#isLostOnClose = this.#single?.options.autoResendUnfulfilledCommands === false;
    this.usable = isOurs ? () => client : usableClient(client, where);
    this.#scripts = scriptRunner(this.usable, inOrder);
    this.evaluate = this.#scripts.evaluate;
    this.#greeting = new GreetingBound(this.#single, timeoutMs, (error) => (this.#lastError = error));
    this.#hangUp = hangingUp(this.#single);
    this.#losses = new ConnectionLosses(client);
    client.on('ready', this.#onReady).on('close', this.#onClose).on('end', this.#onEnd);
    if (isOurs) client.on('error', this.#onError).on('connect', this.#onConnect);
  }

  /** When a connection was last lost, the client's own or one to a node of a cluster, by `performance.now()`. */
  get lostAt(): number {
    return this.#losses.lastAt;
  }

  /** The time of a call that begins now and whose caller names none. */
  soon(): number {
    return performance.now() + this.#timeoutMs;
  }

  /**
   * Runs a call. It waits for the connection if need be.
   *
   * A repeatable call is sent again when the connection was lost before its answer came, so it must do no harm twice.
   */
  readonly run = <T>(call: Call<T>): Promise<T> => {
    if (this.#isClosed) return Promise.reject(storeClosed(this.where()));
    if (call.by <= performance.now()) return Promise.reject(this.#tooLate(call.what));
    return new Promise<T>((resolve, reject) => {
      const attempt = new Attempt(this.#line, call, resolve, (error) => reject(asSessError(error, this.where())));
      this.#calls.add(attempt);
      attempt.begin();
    });
  };

  /** Waits for the calls under way and lets go of the client, which is closed if it is ours. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#calls.size > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    const { client } = this;
    client.off('ready', this.#onReady).off('close', this.#onClose).off('end', this.#onEnd);
    this.#losses.end();
    if (!this.#isOurs) return;
    this.#greeting.end();
    // An `error` listener stays: ioredis prints errors that nobody listens to.
    client.off('connect', this.#onConnect);
    if (this.#isReady()) await quit(client, this.#timeoutMs);
    if (client.status !== 'end') client.disconnect();
  }

  readonly #onReady = (): void => {
    this.#greeting.end();
    this.#lastError = undefined;
    this.#scripts.forget();
    for (const call of [...this.#calls]) call.connected();
  };

  readonly #onClose = (): void => {
    if (this.#isOurs) this.#lastError ??= connectionWasClosed();
    if (this.#isLostOnClose) for (const call of [...this.#calls]) call.lost(connectionLost(this.where()));
  };

  /** A user's client was closed: the calls that wait fail now. */
  readonly #onEnd = (): void => {
    if (!this.#isOurs) for (const call of [...this.#calls]) call.connected();
  };

  readonly #onError = (error: unknown): void => {
    if (saysWhy(error)) this.#lastError = withoutArguments(error);
    // ioredis would go on with database 0, which is another app's.
    if (isRefusedSelect(error)) this.#hangUp();
  };

  readonly #onConnect = (): void => this.#greeting.begin();

  #isReady(): boolean {
    return this.client.status === 'ready' && streamOf(this.#single)?.writable !== false;
  }

  #tooLate(what: string): SessError {
    return new SessError('STORE_TIMEOUT', `Redis (${this.where()}) did not answer ${what} in time.`);
  }

  /** What calls see of this. */
  readonly #line: Line = {
    answers: 0,
    where: () => this.where(),
    isReady: () => {
      if (this.#isReady()) return true;
      const { client } = this;
      if (client.status === 'wait' || (this.#isOurs && client.status === 'end')) client.connect().catch(this.#onError);
      return false;
    },
    ended: () => (this.client.status === 'end' && !this.#isOurs ? clientClosed(this.where()) : undefined),
    // Not sent although there is a connection: the connection came too late.
    late: (what, isSent) =>
      this.#isReady() || (isSent && this.#isLostOnClose)
        ? this.#tooLate(what)
        : noConnection(this.client, this.where(), this.#lastError),
    silent: (forMs) => {
      // The server is frozen, or the connection half open. A new one finds out.
      if (!this.#isOurs || this.#single?.status !== 'ready' || forMs < this.#timeoutMs / 2) return;
      this.#lastError = notAnsweredYet();
      this.#hangUp();
    },
    gather: () => {
      const stream = streamOf(this.#single);
      if (stream !== undefined) this.#outgoing.gather(stream);
    },
    over: (call) => {
      this.#calls.delete(call);
      if (this.#calls.size === 0) this.#drained();
    },
  };
}
