import type { IncomingMessage, ServerResponse } from 'node:http';

import { attachExchange } from './exchange/attach-exchange.ts';
import { type BackendChoice, isCookieSessions, selectBackend } from './storage/backend.ts';
import { systemClock } from './clock.ts';
import { cookieSettings } from './cookie/cookie.ts';
import { cookieCarrier } from './cookie/cookie-sessions.ts';
import type { Engine } from './exchange/engine.ts';
import type { DebugReport, DebugReportOptions } from './debug-report/debug-report.ts';
import { isProduction, processEnvironment } from './environment.ts';
import { SessError } from './errors.ts';
import type { Exchange } from './exchange/exchange.ts';
import { faultLog } from './fault-log.ts';
import { GuardedStore } from './storage/guarded-store.ts';
import { type CountOptions, type SessionCount, countSessions } from './storage/count-sessions.ts';
import { createKeyring } from './cookie/keyring.ts';
import { assertKnownOptions } from './known-options.ts';
import { isStore } from './storage/load-store.ts';
import { consoleLogger, silentLogger } from './logger.ts';
import { makeDebugReport } from './debug-report/make-debug-report.ts';
import { openExchange } from './exchange/open-exchange.ts';
import { plainHttpWarning } from './exchange/plain-http.ts';
import { Owners, type SessionInfo } from './storage/owners.ts';
import { secretFingerprint } from './cookie/secret-fingerprint.ts';
import { resolveSecrets } from './cookie/secrets.ts';
import type { Session } from './session/session.ts';
import { sessionDirectory } from './storage/session-directory.ts';
import type { SessionHeaders } from './response/session-headers.ts';
import { exchangeOf } from './session/session-object.ts';
import { type SessionsOptions, checkOptions, timeoutsOf } from './sessions-options.ts';
import { announcement, startUp } from './storage/start-up.ts';
import { StorageStart } from './storage/storage-start.ts';
import { storeSource } from './storage/store-source.ts';
import { tokenCarrier } from './cookie/token-carrier.ts';
import { type HandleOptions, type SessionHandler, handleRequest } from './web/handle-request.ts';
import { WorkInHand } from './work-in-hand.ts';

/** A request and its session. */
export interface SessionExchange {
  /** The request's current session: after a regenerate, the new one. */
  readonly session: Session;
}

/** The sessions of an app. Make it once, share it between middlewares. */
export interface Sessions {
  /** What keeps the sessions, and why. */
  readonly backend: BackendChoice;

  /** The name of the session's cookie. */
  readonly cookieName: string;

  /**
   * Opens the session that a `Cookie` header stands for. A fault of the store is thrown at the first
   * access of the session, not here.
   */
  open(cookieHeader: string | undefined): Promise<Session>;

  /**
   * Stores what the request changed, and says what the answer's headers need. Nothing of the answer
   * may leave before this has resolved.
   * @param statusCode of the answer, if it is known. With a 5xx, what has failed before is not tried once more.
   * @throws SessError the answer must be the error's, 503 for a fault of the store
   */
  commit(session: Session, statusCode?: number): Promise<SessionHeaders>;

  /**
   * The same for node:http, where the response is held back until the commit. Synchronous where the request has no
   * cookie of ours, and with cookie sessions. A WebSocket has no response: changes there need an explicit `save()`.
   *
   * @param onFailure told of a commit that failed after the app had given its answer: the client got the error in its
   * place. Without it, what is not a fault of the store is logged.
   */
  attach(
    request: IncomingMessage,
    response: ServerResponse | undefined,
    onFailure?: (error: Error) => void,
  ): SessionExchange | Promise<SessionExchange>;

  /**
   * Answers a Web `Request`: the session is stored before the `Response` leaves, and what changes while its body streams
   * before the body ends (else it breaks off). A fault of the store is a 503, also where the handler has made a 500 of it.
   * @throws what the handler throws, but for faults of the store; then nothing is stored that was not saved
   */
  handle(request: Request, handler: SessionHandler, options?: HandleOptions): Promise<Response>;

  /**
   * Tries the storage with a real session. Await it at start, to fail early; else the first request
   * asks for it and the outcome is logged. One that does not answer in time is tried ten times: 10 s.
   * @throws SessError what was tried and what to check
   */
  ready(): Promise<void>;

  /**
   * Waits for the work under way, as long as opening and storing a session may take, and lets go of the store, if it was
   * not given. Stop the server before: what comes later finds the store closed.
   */
  close(): Promise<void>;

  /** @throws SessError `UNSUPPORTED` for cookie sessions and for stores without an index of owners */
  list(owner: string): Promise<SessionInfo[]>;

  /** Ends one session, wherever it is used. @returns whether there was one */
  revoke(handle: string): Promise<boolean>;

  /**
   * Ends all sessions of an owner: "log out everywhere". It repeats until it finds none. (A login
   * whose password was checked before and whose session is stored after it survives.)
   * @returns how many were ended
   */
  revokeAll(owner: string, options?: { except?: string }): Promise<number>;

  /**
   * Counts the sessions that are stored and have not ended, of all owners and without any: as far as
   * half of an operation's time goes (0.5 s). It walks the store: for a figure now and then.
   * @throws SessError `UNSUPPORTED` for cookie sessions and for stores that can not walk their keys
   */
  count(options?: CountOptions): Promise<SessionCount>;

  /**
   * What this worker knows about itself, for an admin's route of your app. Without values of sessions,
   * tokens and secrets.
   * @throws SessError `REPORT_FORBIDDEN` unless your own authorisation said `true`
   */
  debugReport(options: DebugReportOptions): Promise<DebugReport>;
}

/**
 * Creates the sessions of an app. Without options everything comes from the environment.
 * The store is made here, so that a wrong address or directory is told at once; `ready()` tells whether it answers.
 *
 * @throws SessError `CONFIG_INVALID`, `SECRET_INVALID`, `STORE_PACKAGE_MISSING`, `FS_DIRECTORY`, `FS_UNSUPPORTED`
 */
export function createSessions(options: SessionsOptions = {}): Sessions {
  checkOptions(options);
  const env = options.env ?? processEnvironment();
  const logger = options.logger === false ? silentLogger : (options.logger ?? consoleLogger);
  const clock = options.clock ?? systemClock;
  const production = isProduction(env);
  if (options.store !== undefined && !isCookieSessions(options.store) && !isStore(options.store))
    throw new SessError('CONFIG_INVALID', 'Option store must be a session store, such as redisStore({ url }).');
  const choice = selectBackend({ env, store: options.store });
  const cookie = cookieSettings(options.cookie ?? {}, production);
  if (production && !cookie.secure)
    logger.warn(
      'Session cookies are sent over plain http too (cookie: { secure: false }): whoever listens can take a session over.',
    );
  const secrets = resolveSecrets({
    option: options.secret,
    env,
    directory: () => sessionDirectory(env, options.directory),
    warn: (line) => logger.warn(`Session warning: ${line}`),
  });

  const timeouts = timeoutsOf(options);
  const source = choice.name === 'cookie' ? undefined : storeSource(choice, options, env);
  const operationMs = options.timeouts?.operationMs ?? 1_000;
  const logError = faultLog(logger);
  const store = source && new GuardedStore(source.store, operationMs, logError);
  const encrypt = options.store !== undefined && isCookieSessions(options.store) && options.store.encrypt;
  const engine: Engine = {
    carrier:
      store === undefined
        ? cookieCarrier(secrets, encrypt, { cookie, timeouts, clock })
        : tokenCarrier(createKeyring(secrets, cookie.name, 'token'), store),
    cookie,
    timeouts,
    limits: {
      sessionBytes: options.limits?.sessionBytes ?? 1024 * 1024,
      sessionKeys: options.limits?.sessionKeys ?? 1_000,
    },
    clock,
    endMarkerMs: options.endMarkerMs ?? 60_000,
    openMs: options.timeouts?.openMs ?? 2_000,
    commitMs: options.timeouts?.commitMs ?? 2_000,
    workInHand: new WorkInHand(),
    logError,
    production,
    noteCookie: production && cookie.secure ? plainHttpWarning(cookie.name, logger) : undefined,
  };

  // The secrets themselves are not kept.
  const fingerprints = secrets.map(secretFingerprint);
  const { absoluteTimeoutMs } = timeouts;
  const start = new StorageStart(async (isClosing) => {
    if (source === undefined) return announcement(choice, undefined).forEach((line) => logger.info(line));
    // Its own guard, which logs nothing: what is wrong at the start is said in one sentence.
    const probed = new GuardedStore(source.store, operationMs);
    await startUp({ choice, store: probed, logger, env, clock, fingerprints, absoluteTimeoutMs, isClosing });
  }, logger);

  const owners = store && new Owners(store, timeouts, clock);
  function stored<T>(part: T | undefined): T {
    if (part !== undefined) return part;
    throw new SessError(
      'UNSUPPORTED',
      'Cookie sessions are kept by the browsers: they can not be listed, counted or revoked. In tests that need it, use store: memoryStore().',
    );
  }

  /** Several steps that `close()` lets end. Who never has a request begins here. */
  async function inHand<T>(work: () => Promise<T>): Promise<T> {
    start.once();
    engine.workInHand.begin();
    try {
      return await work();
    } finally {
      engine.workInHand.end();
    }
  }

  return {
    backend: choice,
    cookieName: cookie.name,
    async open(cookieHeader) {
      start.once();
      const exchange: Exchange = await openExchange(engine, cookieHeader);
      return exchange.session;
    },
    async commit(session, statusCode = 200) {
      return exchangeOf(session).commit({ isFailed: statusCode >= 500, isGiven: true });
    },
    attach(request, response, onFailure) {
      start.once();
      return attachExchange(engine, request, response, onFailure);
    },
    handle(request, handler, options = {}) {
      start.once();
      return handleRequest(engine, request, handler, options);
    },
    ready: () => start.ready(),
    async close() {
      await start.close();
      // Between the steps of one request's work nothing runs in the store.
      await engine.workInHand.settledWithin(engine.openMs + engine.commitMs);
      await store?.drained();
      await source?.release();
    },
    list: (owner) => inHand(async () => stored(owners).list(owner)),
    revoke: (handle) => inHand(async () => stored(owners).revoke(handle)),
    async revokeAll(owner, options = {}) {
      assertKnownOptions('revokeAll()', options, ['except']);
      const { except } = options;
      if (except !== undefined && typeof except !== 'string')
        throw new SessError('CONFIG_INVALID', "revokeAll({ except }) takes one session's handle.");
      return inHand(async () => stored(owners).revokeAll(owner, except));
    },
    count: (options) => inHand(async () => countSessions(stored(store), operationMs, options)),
    debugReport: (asked) => inHand(async () => makeDebugReport({ choice, engine, store, fingerprints, env }, asked)),
  };
}
