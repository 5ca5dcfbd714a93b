import { isSessError } from '../errors.ts';
import type { Engine } from '../exchange/engine.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { openExchange } from '../exchange/open-exchange.ts';
import { toldOfFailure } from '../exchange/told-of-failure.ts';
import {
  failureResponse,
  responseInstead,
  textWithSessionHeaders,
  withCors,
  withSessionHeaders,
} from './web-response.ts';
import type { SessionHeaders } from '../response/session-headers.ts';
import type { Session } from '../session/session.ts';
import { runWithExchange } from './current-exchange.ts';
import { bodyUntilCommitted } from './body-until-committed.ts';

/** Answers a request, with its session. */
export type SessionHandler = (session: Session) => Response | Promise<Response>;

/** How `sessions.handle()` works beside a framework. */
export interface HandleOptions {
  /** Told of the session before the handler runs, and of each one that a regenerate puts in its place. */
  onSession?: (session: Session) => void;
  /** Told of a commit that failed after the handler had answered: the client got the error in its place. */
  onFailure?: (error: Error) => void;
  /**
   * For handlers that answer an error with a 200, as GraphQL and tRPC do: a fault of the store that was thrown at the
   * handler is then answered with the 503 whatever the handler made of it.
   *
   * @default false: only where the handler's answer is a 5xx
   */
  hidesErrors?: boolean;
  /**
   * For adapters: the text of an answer that is known to be one, where a server's `Response` tells without being asked for
   * its body. That makes a stream of it, which costs more than the session does. `undefined`: its body is asked for.
   */
  textOf?: (answer: Response) => string | undefined;
  /**
   * For adapters: whether the handler has answered by another way, and its `Response` only says so. Then no cookie can be
   * sent any more, and a commit that fails can only be told of.
   */
  isSent?: (answer: Response) => boolean;
}

/** The way of a Web `Request` from its cookie to a `Response` that may leave. */
export async function handleRequest(
  engine: Engine,
  request: Request,
  handler: SessionHandler,
  { onSession, onFailure, hidesErrors = false, textOf, isSent }: HandleOptions,
): Promise<Response> {
  const opened = openExchange(engine, request.headers.get('cookie') ?? undefined);
  const exchange = opened instanceof Promise ? await opened : opened;
  if (onSession !== undefined) {
    exchange.onReplaced = onSession;
    onSession(exchange.session);
  }
  // Listeners of the signal run before the body's source hears of it.
  if (exchange.fault !== undefined) exchange.isClientGone = () => request.signal.aborted;
  let given: Response | undefined;
  /** Only once it is the answer: an error page of the framework, which looks at the session, must see the fault. */
  const instead = (answer: Response): Response => {
    exchange.isAnswered = true;
    return withCors(answer, given);
  };
  try {
    given = await runWithExchange(exchange, () => handler(exchange.session));
    const told = (commit: Commit) => toldOfFailure(exchange, () => nameOf(request), onFailure, commit);
    if (isSent !== undefined && textOf?.(given) === undefined && isSent(given)) {
      await committedBehind(exchange, told);
      return given;
    }
    if (!isFaultHidden(exchange, given, hidesErrors)) return await committed(exchange, given, told, textOf);
    letGo(given, textOf);
    await exchange.operations.settledInTime();
    return instead(failureResponse(exchange.fault, exchange.session));
  } catch (error) {
    letGo(given, textOf);
    await exchange.operations.settledInTime();
    if (isSessError(error) && error.status !== 500) return instead(failureResponse(error, exchange.session));
    // What the app has to mend is the framework's to show and to log, unless the browser needs a cookie to go on.
    if (given === undefined || exchange.headers.failureCookie() === undefined) throw error;
    if (isSessError(error)) return instead(failureResponse(error, exchange.session));
    process.emitWarning(error instanceof Error ? error : String(error));
    return instead(responseInstead({ status: 500, code: 'ANSWER_INVALID' }, exchange.session));
  }
}

/**
 * Nobody gets this answer. Not waited for: how long its source takes to stop is the app's. A text has no source, and the app
 * may give it again.
 */
function letGo(given: Response | undefined, textOf: HandleOptions['textOf']): void {
  if (given === undefined || textOf?.(given) !== undefined) return;
  if (given.body?.locked === false) given.body.cancel().catch(() => {});
}

/** Some frameworks make a 500 of each error. A fault of the store must be a 503, which clients and proxies try again. */
function isFaultHidden({ headers }: Exchange, { status }: Response, hidesErrors: boolean): boolean {
  return headers.isFaultSurfaced && status !== 503 && (status >= 500 || hidesErrors);
}

type Commit = () => SessionHeaders | Promise<SessionHeaders>;
type Told = (commit: Commit) => ReturnType<Commit>;

/** Stores what can be stored without a cookie, behind an answer that has left. What fails was told. */
async function committedBehind(exchange: Exchange, told: Told): Promise<void> {
  exchange.headers.leave();
  try {
    await told(() => exchange.commit({ isGiven: true }));
  } catch {
    // Nobody is left to be answered.
  }
}

async function committed(
  exchange: Exchange,
  given: Response,
  told: Told,
  textOf: HandleOptions['textOf'],
): Promise<Response> {
  const isFailed = given.status >= 500;
  // A response of an upgrade (101) has no headers that could be added to.
  if (given.status < 200) exchange.headers.leave();
  const said = await told(() => exchange.commit({ isFailed }));
  if (given.status < 200) return given;
  const commitLate = async (isSecond: boolean): Promise<void> => {
    await told(() => exchange.commit({ isFailed, isSecond }));
  };
  const text = textOf?.(given);
  const body = await bodyUntilCommitted(exchange, given, commitLate, text);
  return text === undefined ? withSessionHeaders(given, said, body) : textWithSessionHeaders(given, said, text);
}

/** The route, for the log: what follows a `?` may be a secret. */
function nameOf({ method, url }: Request): string {
  return `${method} ${new URL(url).pathname}`;
}
