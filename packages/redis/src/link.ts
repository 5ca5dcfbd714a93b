import { SessError } from '@sess/core';
import { type Deadline, WorkInHand } from '@sess/core/internal';
import { afterSilence } from './after-silence.ts';
import type { Call } from './call.ts';
import { ConnectionLosses } from './connection-losses.ts';
import { Gathering } from './gathering.ts';
import { GreetingBound } from './greeting-bound.ts';
import { hangingUp } from './hang-up.ts';
import { noConnection } from './no-connection.ts';
import { OperationBounds } from './operation-bounds.ts';
import { OutgoingBatch } from './outgoing-batch.ts';
import { type RedisClient, isCluster, quit, streamOf } from './redis-client.ts';
import {
  asSessError,
  clientClosed,
  connectionLost,
  insideMulti,
  isRefusedSelect,
  queued,
  saysWhy,
  storeClosed,
  wasNotSent,
  withoutArguments,
} from './redis-errors.ts';
import type { Script } from './script.ts';
import { scriptRunner } from './script-runner.ts';
import { usableClient } from './usable-client.ts';
import { type Waiter, release } from './waiter.ts';

/** A connection as the store uses it: every call is bounded, and every fault is a `SessError`. */
export interface Link {
  readonly client: RedisClient;
  /**
   * The client, for one command.
   *
   * @throws `STORE_UNAVAILABLE` if its user has switched it to another database
   */
  usable(): RedisClient;
  /** When a connection was last lost, the client's own or one to a node of a cluster, by `performance.now()`. */
  readonly lostAt: number;
  /** Where it goes, for messages. */
  where(): string;
  /**
   * Runs a call. It waits for the connection if need be, and ends within the operation's bound.
   *
   * A repeatable call is sent again when the connection was lost before its answer came. What is sent must bear that.
   */
  run<T>(call: Call<T>): Promise<T>;
  /** Runs a script; to be used inside a call. */
  evaluate(script: Script, key: string, args: readonly string[]): Promise<unknown>;
  /** Waits for the calls under way and lets go of the client, which is closed if it is ours. */
  close(): Promise<void>;
}

interface LinkParts {
  client: RedisClient;
  /** Ours: we connect it, hang it up when it is silent, and close it. A user's client is only listened to. */
  isOurs: boolean;
  /** Where it goes, for messages. */
  where(): string;
  timeoutMs: number;
}

export function link({ client, isOurs, where, timeoutMs }: LinkParts): Link {
  /** Our client if we can tell when it loses its one connection, and what was under way is then in our hands. */
  const single = isCluster(client) ? undefined : client;
  const isLostOnClose = single !== undefined && single.options.autoResendUnfulfilledCommands === false;
  const waiting = new Set<Waiter>();
  const underWay = new Gathering<Waiter>();
  const outgoing = new OutgoingBatch();
  const usable = isOurs ? () => client : usableClient(client, where);
  const scripts = scriptRunner(usable);
  const workInHand = new WorkInHand();
  const greeting = new GreetingBound(single, timeoutMs);
  const bounds = new OperationBounds(timeoutMs);
  const hangUp = hangingUp(single);
  const losses = new ConnectionLosses(client);
  let isClosed = false;
  /** Counts sends and answers, to tell what came first. */
  let moment = 0;
  let answeredAt = 0;
  let lastError: Error | undefined;

  const onReady = () => {
    greeting.end();
    lastError = undefined;
    scripts.forget();
    release(waiting, (waiter) => waiter.next());
  };
  const onClose = () => {
    if (isLostOnClose) for (const waiter of underWay.all()) waiter.lost();
  };
  const onEnd = () => {
    if (!isOurs) release(waiting, (waiter) => waiter.next());
  };
  const onError = (error: unknown) => {
    if (saysWhy(error)) lastError = withoutArguments(error);
    // ioredis would go on with database 0, which is another app's.
    if (isRefusedSelect(error)) hangUp();
  };
  const onConnect = () => greeting.begin();
  client.on('ready', onReady).on('close', onClose).on('end', onEnd);
  if (isOurs) client.on('error', onError).on('connect', onConnect);

  function isReady(): boolean {
    return client.status === 'ready' && streamOf(single)?.writable !== false;
  }

  function wake(): void {
    if (client.status === 'wait' || (isOurs && client.status === 'end')) client.connect().catch(onError);
  }

  /** A call under way. One object for it, since each request makes one or two. */
  class Attempts<T> {
    readonly #call: Call<T>;
    readonly #resolve: (value: T) => void;
    readonly #reject: (error: unknown) => void;
    #bound: Deadline;
    #isExcused = false;
    place = -1;
    #isOver = false;
    #count = 0;
    #sentAt: number | undefined;

    constructor(call: Call<T>, resolve: (value: T) => void, reject: (error: unknown) => void) {
      this.#call = call;
      this.#resolve = resolve;
      this.#reject = reject;
      workInHand.begin();
      this.#bound = bounds.begin(call.since, () => this.#expire());
    }

    next(): void {
      if (this.#isOver) return;
      if (!isReady()) {
        if (client.status === 'end' && !isOurs) return this.#fail(clientClosed(where()));
        waiting.add(this);
        wake();
        return;
      }
      const number = (this.#count += 1);
      this.#sentAt = moment += 1;
      underWay.add(this);
      const stream = streamOf(single);
      if (stream !== undefined) outgoing.gather(stream);
      try {
        usable();
        this.#call.send().then(
          (value) => {
            answeredAt = moment += 1;
            if (value === queued) this.#refused(insideMulti(where()), number);
            else if (number === this.#count && this.#finish()) this.#resolve(value);
          },
          (error: unknown) => this.#refused(error, number),
        );
      } catch (error) {
        // A client that is not to be used now, or only looks like one of ioredis.
        this.#fail(error);
      }
    }

    #refused(error: unknown, number: number): void {
      const isUnsent = wasNotSent(error);
      if (!isUnsent) answeredAt = moment += 1;
      if (number !== this.#count || this.#isOver) return;
      underWay.delete(this);
      if (isUnsent) waiting.add(this);
      else this.#fail(error);
    }

    lost(): void {
      underWay.delete(this);
      this.#count += 1;
      if (this.#call.isRepeatable) waiting.add(this);
      else this.#fail(connectionLost(where()));
    }

    #expire(): void {
      const excusedMs = outgoing.excusedUntil - performance.now();
      if (excusedMs > 0 && !this.#isExcused) {
        this.#isExcused = true;
        this.#bound = { end: afterSilence(excusedMs, () => this.#expire()) };
        return;
      }
      const isAwaited = underWay.has(this) && (isLostOnClose || isReady());
      this.#fail(isAwaited ? tooLate(this.#call.what) : unreachable());
      // Nothing at all has come since: the server is frozen, or the connection half open. A new one finds out.
      if (isOurs && single?.status === 'ready' && this.#sentAt !== undefined && answeredAt < this.#sentAt) {
        hangUp();
      }
    }

    #fail(error: unknown): void {
      if (this.#finish()) this.#reject(asSessError(error, where()));
    }

    /** @returns whether the call is over by this */
    #finish(): boolean {
      if (this.#isOver) return false;
      this.#isOver = true;
      this.#bound.end();
      underWay.delete(this);
      if (waiting.size > 0) waiting.delete(this);
      workInHand.end();
      return true;
    }
  }

  function run<T>(call: Call<T>): Promise<T> {
    if (isClosed) return Promise.reject(storeClosed(where()));
    return new Promise<T>((resolve, reject) => new Attempts(call, resolve, reject).next());
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    await workInHand.settled();
    client.off('ready', onReady).off('close', onClose).off('end', onEnd);
    losses.end();
    if (!isOurs) return;
    greeting.end();
    // An `error` listener stays: ioredis prints errors that nobody listens to.
    client.off('connect', onConnect);
    if (isReady()) await quit(client, timeoutMs);
    if (client.status !== 'end') client.disconnect();
  }

  const tooLate = (what: string) =>
    new SessError('STORE_TIMEOUT', `Redis (${where()}) did not answer ${what} within ${timeoutMs} ms.`);
  const unreachable = () => noConnection(client, where(), lastError);

  return {
    client,
    usable,
    get lostAt() {
      return losses.lastAt;
    },
    where,
    run,
    evaluate: scripts.evaluate,
    close,
  };
}
