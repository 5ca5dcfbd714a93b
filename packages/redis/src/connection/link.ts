import { SessError } from '@sess/core';
import { Attempt, type CallInHand, type Line } from './attempt.ts';
import type { Call } from './call.ts';
import { ConnectionLosses } from './connection-losses.ts';
import { GreetingBound } from './greeting-bound.ts';
import { hangingUp } from './hang-up.ts';
import { noConnection } from './no-connection.ts';
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

/** A connection as the store uses it: every call ends, and every fault is a `SessError`. */
export interface Link {
  readonly client: RedisClient;
  /**
   * The client, for one command.
   *
   * @throws `STORE_UNAVAILABLE` if its user has switched it to another database
   */
  usable(): RedisClient;
  /** Runs a script; to be used inside a call. */
  readonly evaluate: ScriptRunner['evaluate'];
  /** When a connection was last lost, the client's own or one to a node of a cluster, by `performance.now()`. */
  readonly lostAt: number;
  /** Where it goes, for messages. */
  where(): string;
  /** Until when a call may take that begins now and whose caller has named no time. */
  soon(): number;
  /**
   * Runs a call. It waits for the connection if need be.
   *
   * A repeatable call is sent again when the connection was lost before its answer came. What is sent must bear that.
   */
  run<T>(call: Call<T>): Promise<T>;
  /** Waits for the calls under way and lets go of the client, which is closed if it is ours. */
  close(): Promise<void>;
}

interface LinkParts {
  client: RedisClient;
  /** Ours: we connect it, hang it up when it is silent, and close it. A user's client is only listened to. */
  isOurs: boolean;
  where(): string;
  timeoutMs: number;
}

export function link({ client, isOurs, where, timeoutMs }: LinkParts): Link {
  const single = isCluster(client) ? undefined : client;
  /** Whether what was under way is in our hands when the connection is lost: ioredis sends nothing again by itself. */
  const isLostOnClose = single !== undefined && single.options.autoResendUnfulfilledCommands === false;
  const calls = new Set<CallInHand>();
  const outgoing = new OutgoingBatch();
  const usable = isOurs ? () => client : usableClient(client, where);
  const scripts = scriptRunner(usable);
  const greeting = new GreetingBound(single, timeoutMs);
  const hangUp = hangingUp(single);
  const losses = new ConnectionLosses(client);
  let isClosed = false;
  let drained = () => {};
  let lastError: Error | undefined;

  const onReady = () => {
    greeting.end();
    lastError = undefined;
    scripts.forget();
    for (const call of [...calls]) call.connected();
  };
  const onClose = () => {
    if (isLostOnClose) for (const call of [...calls]) call.lost(connectionLost(where()));
  };
  const onEnd = () => {
    if (!isOurs) for (const call of [...calls]) call.connected();
  };
  const onError = (error: unknown) => {
    if (saysWhy(error)) lastError = withoutArguments(error);
    // ioredis would go on with database 0, which is another app's.
    if (isRefusedSelect(error)) hangUp();
  };
  const onConnect = () => greeting.begin();
  client.on('ready', onReady).on('close', onClose).on('end', onEnd);
  if (isOurs) client.on('error', onError).on('connect', onConnect);

  const isReady = () => client.status === 'ready' && streamOf(single)?.writable !== false;
  const line: Line = {
    answers: 0,
    where,
    isReady() {
      if (isReady()) return true;
      if (client.status === 'wait' || (isOurs && client.status === 'end')) client.connect().catch(onError);
      return false;
    },
    ended: () => (client.status === 'end' && !isOurs ? clientClosed(where()) : undefined),
    late: (what, isSent) =>
      isSent && (isLostOnClose || isReady()) ? tooLate(what) : noConnection(client, where(), lastError),
    silent(forMs) {
      // The server is frozen, or the connection half open. A new one finds out.
      if (isOurs && single?.status === 'ready' && forMs >= timeoutMs / 2) hangUp();
    },
    gather() {
      const stream = streamOf(single);
      if (stream !== undefined) outgoing.gather(stream);
    },
    over(call) {
      calls.delete(call);
      if (calls.size === 0) drained();
    },
  };
  const tooLate = (what: string) =>
    new SessError('STORE_TIMEOUT', `Redis (${where()}) did not answer ${what} in time.`);

  function run<T>(call: Call<T>): Promise<T> {
    if (isClosed) return Promise.reject(storeClosed(where()));
    if (call.by <= performance.now()) return Promise.reject(tooLate(call.what));
    return new Promise<T>((resolve, reject) => {
      const attempt = new Attempt(line, call, resolve, (error) => reject(asSessError(error, where())));
      calls.add(attempt);
      attempt.begin();
    });
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    if (calls.size > 0) await new Promise<void>((resolve) => (drained = resolve));
    client.off('ready', onReady).off('close', onClose).off('end', onEnd);
    losses.end();
    if (!isOurs) return;
    greeting.end();
    // An `error` listener stays: ioredis prints errors that nobody listens to.
    client.off('connect', onConnect);
    if (isReady()) await quit(client, timeoutMs);
    if (client.status !== 'end') client.disconnect();
  }

  return {
    client,
    usable,
    evaluate: scripts.evaluate,
    get lostAt() {
      return losses.lastAt;
    },
    where,
    soon: () => performance.now() + timeoutMs,
    run,
    close,
  };
}
