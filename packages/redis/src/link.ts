import { SessError, deadlinesOf } from '@sess/core';
import { type RedisClient, isCluster } from './redis-client.ts';
import { asSessError, isUnknownScript, wasNotSent, withoutArguments } from './redis-errors.ts';
import type { Script } from './script.ts';

/** A connection as the store uses it: every call is bounded, and every fault is a `SessError`. */
export interface Link {
  readonly client: RedisClient;
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

export interface Call<T> {
  /** For messages: `read`. */
  what: string;
  isRepeatable: boolean;
  /** When the operation began that this call is part of, by `performance.now()`. Absent: now. */
  since?: number;
  send(): Promise<T>;
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
  const waiting = new Set<() => void>();
  const underWay = new Set<() => void>();
  const known = new Set<Script>();
  let active = 0;
  let drained: (() => void) | undefined;
  let isClosed = false;
  let answeredAt = 0;
  let lastError: Error | undefined;
  let greeted = () => {};

  const onReady = () => {
    greeted();
    lastError = undefined;
    // A server that was started anew knows no scripts.
    known.clear();
    release(waiting);
  };
  const onClose = () => {
    if (isLostOnClose) release(underWay);
  };
  const onEnd = () => {
    if (!isOurs) release(waiting);
  };
  const onError = (error: unknown) => {
    lastError = withoutArguments(error);
  };
  /** TCP is up, but a frozen server does not answer the greeting (two round trips), which ioredis does not bound. */
  const onConnect = () => {
    const stream = single?.stream;
    greeted();
    greeted = afterSilence(2 * timeoutMs, () => {
      if (single?.status === 'connect' && single.stream === stream) single.disconnect(true);
    });
  };
  client.on('ready', onReady).on('close', onClose).on('end', onEnd);
  if (isOurs) client.on('error', onError).on('connect', onConnect);

  function isReady(): boolean {
    return client.status === 'ready' && (single === undefined || single.stream.writable);
  }

  function wake(): void {
    if (client.status === 'wait' || (isOurs && client.status === 'end')) client.connect().catch(onError);
  }

  const deadlines = deadlinesOf(timeoutMs);
  /** A first step of an operation has all of its time, and one of the timers that calls share. */
  function bound(since: number | undefined, expire: () => void): () => void {
    const spentMs = since === undefined ? 0 : performance.now() - since;
    if (spentMs > 1) return afterSilence(Math.max(0, timeoutMs - spentMs), expire);
    const deadline = deadlines.begin(expire);
    return () => deadline.end();
  }

  function run<T>({ what, isRepeatable, since, send }: Call<T>): Promise<T> {
    if (isClosed) return Promise.reject(new SessError('STORE_UNAVAILABLE', `The Redis store (${where()}) is closed.`));
    return new Promise<T>((resolve, reject) => {
      let isOver = false;
      let attempts = 0;
      let sentAt: number | undefined;
      active += 1;

      const finish = (settle: () => void) => {
        if (isOver) return;
        isOver = true;
        stop();
        waiting.delete(attempt);
        underWay.delete(lost);
        active -= 1;
        settle();
        if (active === 0) drained?.();
      };
      const fail = (error: unknown) => finish(() => reject(asSessError(error, where())));

      const attempt = () => {
        if (isOver) return;
        if (!isReady()) {
          if (client.status === 'end' && !isOurs) return fail(ended());
          waiting.add(attempt);
          wake();
          return;
        }
        const number = (attempts += 1);
        sentAt = performance.now();
        underWay.add(lost);
        send().then(
          (value) => {
            answeredAt = performance.now();
            if (number === attempts) finish(() => resolve(value));
          },
          (error: unknown) => {
            const isUnsent = wasNotSent(error);
            if (!isUnsent) answeredAt = performance.now();
            if (number !== attempts || isOver) return;
            underWay.delete(lost);
            if (isUnsent) waiting.add(attempt);
            else fail(error);
          },
        );
      };
      const lost = () => {
        underWay.delete(lost);
        attempts += 1;
        if (isRepeatable) waiting.add(attempt);
        else fail(lostError());
      };
      const stop = bound(since, () => {
        const isAwaited = underWay.has(lost) && (isLostOnClose || isReady());
        fail(isAwaited ? tooLate(what) : unreachable());
        // Nothing at all has come since: the server is frozen, or the connection half open. A new one finds out.
        if (isOurs && single?.status === 'ready' && sentAt !== undefined && answeredAt < sentAt) {
          single.disconnect(true);
        }
      });
      attempt();
    });
  }

  function evaluate(script: Script, key: string, args: readonly string[]): Promise<unknown> {
    // The first time the whole script: it is known from then on, and nothing has to be sent twice.
    if (!known.has(script)) {
      known.add(script);
      return client.eval(script.lua, 1, key, ...args);
    }
    return client.evalsha(script.sha, 1, key, ...args).catch((error: unknown) => {
      // SCRIPT FLUSH, a failover, another node of the cluster.
      if (!isUnknownScript(error)) throw error;
      return client.eval(script.lua, 1, key, ...args);
    });
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    if (active > 0) await new Promise<void>((resolve) => (drained = resolve));
    client.off('ready', onReady).off('close', onClose).off('end', onEnd);
    if (!isOurs) return;
    greeted();
    // An `error` listener stays: ioredis prints errors that nobody listens to.
    client.off('connect', onConnect);
    if (isReady()) await Promise.race([client.quit().catch(() => {}), patience(timeoutMs)]);
    if (client.status !== 'end') client.disconnect();
  }

  const tooLate = (what: string) =>
    new SessError('STORE_TIMEOUT', `Redis (${where()}) did not answer ${what} within ${timeoutMs} ms.`);
  const unreachable = () =>
    new SessError(
      'STORE_UNAVAILABLE',
      `Redis (${where()}) cannot be reached: ${lastError?.message || `the client is ${client.status}`}. Check that it runs, and the address and credentials.`,
      { cause: lastError },
    );
  const lostError = () =>
    new SessError(
      'STORE_UNAVAILABLE',
      `The connection to Redis (${where()}) was lost; the outcome of a write is unknown.`,
    );
  const ended = () => new SessError('STORE_UNAVAILABLE', `The client of Redis (${where()}) has been closed.`);

  return { client, run, evaluate, close };
}

function release(waiters: Set<() => void>): void {
  for (const waiter of [...waiters]) {
    waiters.delete(waiter);
    waiter();
  }
}

/** Calls back after `ms`, when I/O had one more turn: after a stall of this process the answer may be there already. */
function afterSilence(ms: number, done: () => void): () => void {
  const timer = setTimeout(() => setImmediate(() => setImmediate(done)), ms);
  return () => clearTimeout(timer);
}

function patience(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
