import { AsyncLocalStorage } from 'node:async_hooks';

import { SessError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Session } from '../session/session.ts';
import { exchangeOf } from '../exchange/exchange-of.ts';

const slot = Symbol.for('@sess/core current exchange');

/** On `globalThis`, since bundlers load a module twice. */
function exchanges(): AsyncLocalStorage<Exchange> {
  const shared: typeof globalThis & { [slot]?: AsyncLocalStorage<Exchange> } = globalThis;
  return (shared[slot] ??= new AsyncLocalStorage());
}

/** Runs the handler of a request. In all that it calls, {@link currentSession} finds the request's session. */
export function runWithExchange<T>(exchange: Exchange, work: () => T): T {
  return exchanges().run(exchange, work);
}

/** As {@link currentSession}, outside of a request too. An error that is caught costs 20 times what this does. */
export function sessionAround(): Session | undefined {
  return exchanges().getStore()?.session;
}

/**
 * The request's current session: after a regenerate, the new one.
 *
 * @param session any session of the request. Left out, it is the request that `sessions.handle()` is answering.
 * @throws SessError `UNSUPPORTED` when it is left out outside of `sessions.handle()`
 */
export function currentSession(...of: [session: Session] | []): Session {
  const exchange = of.length === 0 ? exchanges().getStore() : exchangeOf(of[0]);
  if (exchange !== undefined) return exchange.session;
  throw new SessError(
    'UNSUPPORTED',
    'currentSession() was called outside of a request. Call it in what sessions.handle() runs.',
  );
}
