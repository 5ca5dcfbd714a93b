import { attachExchange } from './exchange/attach-exchange.ts';
import { isCookieSessions, selectBackend } from './storage/backend.ts';
import { systemClock } from './clock.ts';
import { cookieSettings } from './cookie/cookie.ts';
import { cookieCarrier } from './cookie/cookie-sessions.ts';
import { longHeaderNotes } from './cookie/long-header.ts';
import type { Engine } from './exchange/engine.ts';
import { isProduction, processEnvironment } from './environment.ts';
import { SessError } from './errors.ts';
import type { Exchange } from './exchange/exchange.ts';
import { faultLog } from './fault-log.ts';
import { GuardedStore } from './storage/guarded-store.ts';
import { readData } from './read-data.ts';
import { countSessions } from './storage/count-sessions.ts';
import { createKeyring } from './cookie/keyring.ts';
import { assertKnownOptions } from './known-options.ts';
import { LiveSessions } from './live/live-sessions.ts';
import { isStore } from './storage/load-store.ts';
import { consoleLogger, silentLogger } from './logger.ts';
import { developmentFingerprint } from './cookie/development-secret.ts';
import { makeDebugReport } from './debug-report/make-debug-report.ts';
import { PendingReplacements, sparedBy } from './exchange/pending-replacements.ts';
import { openExchange } from './exchange/open-exchange.ts';
import { plainHttpWarning } from './exchange/plain-http.ts';
import { Owners } from './storage/owners.ts';
import { secretFingerprint } from './cookie/secret-fingerprint.ts';
import { resolveSecrets } from './cookie/secrets.ts';
import { sessionDirectory } from './storage/session-directory.ts';
import { exchangeOf } from './exchange/exchange-of.ts';
import type { Sessions } from './sessions-interface.ts';
import { type SessionsOptions, checkOptions, timeoutsOf, watchEveryMsOf } from './sessions-options.ts';
import { hasAbility } from './store-abilities.ts';
import { announcement, startUp } from './storage/start-up.ts';
import { StorageStart } from './storage/storage-start.ts';
import { storeSource } from './storage/store-source.ts';
import { unknownSignerNotes } from './former/unknown-signers.ts';
import { unheldNotes } from './response/unheld-response.ts';
import { tokenCarrier } from './cookie/token-carrier.ts';
import { handleRequest } from './web/handle-request.ts';
import { WorkInHand } from './work-in-hand.ts';

export type { SessionExchange, Sessions } from './sessions-interface.ts';

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
  if (production && choice.name === 'cookie' && choice.source !== 'option')
    logger.warn(
      `Nothing is stored, so a logout cannot end a copied session: ${choice.source} is set, which test runners set. Unset it in production.`,
    );
  const cookie = cookieSettings(options.cookie ?? {}, production);
  if (production && !cookie.secure)
    logger.warn(
      'Session cookies are sent over plain http too (cookie: { secure: false }): whoever listens can take a session over.',
    );
  const directory = (): string => sessionDirectory(env, options.directory);
  const secrets = resolveSecrets({
    option: options.secret,
    env,
    directory,
    warn: (line) => logger.warn(`Session warning: ${line}`),
  });

  const timeouts = timeoutsOf(options);
  const source = choice.name === 'cookie' ? undefined : storeSource(choice, options, env);
  const operationMs = options.timeouts?.operationMs ?? 1_000;
  const logError = faultLog(logger);
  const store = source && new GuardedStore(source.store, operationMs, logError, (key) => live?.hint(key));
  const encrypt = options.store !== undefined && isCookieSessions(options.store) && options.store.encrypt;
  const formerly = [options.formerly ?? []].flat();
  const engine: Engine = {
    carrier:
      store === undefined
        ? cookieCarrier(secrets, encrypt, { cookie, timeouts, clock })
        : tokenCarrier(createKeyring(secrets, cookie.name, 'token'), store),
    formerly,
    noteUnknownSigner: unknownSignerNotes(formerly, logger),
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
    replacements: new PendingReplacements(),
    logError,
    production,
    noteLongHeader: longHeaderNotes(cookie.name, logger),
    noteUnheld: unheldNotes(logger),
    noteCookie: production && cookie.secure ? plainHttpWarning(cookie.name, logger) : undefined,
  };

  const live =
    source &&
    new LiveSessions(engine, watchEveryMsOf(options), (hint) =>
      hasAbility(source.store, 'tellEnds') ? source.store.tellEnds(hint) : () => {},
    );

  // The secrets themselves are not kept.
  const fingerprints = secrets.map(secretFingerprint);
  const { absoluteTimeoutMs } = timeouts;
  const start = new StorageStart(async (isClosing) => {
    if (source === undefined) return announcement(choice, undefined).forEach((line) => logger.info(line));
    // Its own guard, which logs nothing: what is wrong at the start is said in one sentence.
    const probed = new GuardedStore(source.store, operationMs);
    const development = developmentFingerprint(directory);
    await startUp({
      choice,
      store: probed,
      logger,
      env,
      clock,
      secrets: { fingerprints, development },
      absoluteTimeoutMs,
      isClosing,
    });
  }, logger);

  const owners = store && new Owners(store);
  function stored<T>(part: T | undefined): T {
    if (part !== undefined) return part;
    throw new SessError(
      'UNSUPPORTED',
      'Cookie sessions are kept by the browsers: they cannot be listed, counted, revoked or watched. In tests that need it, use store: memoryStore().',
    );
  }

  /** Work of several steps: `close()` waits for it. In a process without requests it also starts the storage. */
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
    attach(request, response, options = {}) {
      start.once();
      return attachExchange(engine, request, response, options);
    },
    handle(request, handler, options = {}) {
      start.once();
      return handleRequest(engine, request, handler, options);
    },
    ready: () => start.ready(),
    async close() {
      live?.close();
      await start.close();
      // Before `drained()`: between two steps of a request's work nothing runs in the store.
      await engine.workInHand.settledWithin(engine.openMs + engine.commitMs);
      await store?.drained();
      await source?.release();
    },
    list: (owner) => inHand(async () => stored(owners).list(owner)),
    read: (handle) => inHand(async () => readData(stored(store), handle)),
    async revoke(handle, options = {}) {
      assertKnownOptions('revoke()', options, ['owner']);
      // `{ owner: undefined }` names an owner too: a visitor who is not logged in must not end anybody's session.
      const owner = 'owner' in options ? (options.owner ?? '') : undefined;
      return inHand(async () => stored(owners).revoke(handle, owner));
    },
    async revokeAll(owner, options = {}) {
      assertKnownOptions('revokeAll()', options, ['except']);
      const spared = sparedBy(engine.replacements, options.except);
      return inHand(async () => stored(owners).revokeAll(owner, spared));
    },
    watch(session, onEnded) {
      const exchange = exchangeOf(session);
      exchange.look();
      // After the answer `look()` throws no fault any more, but a session that could not be read cannot be watched.
      if (exchange.fault !== undefined) throw exchange.surface(exchange.fault);
      return stored(live).watch(exchange, onEnded);
    },
    count: (options) => inHand(async () => countSessions(stored(store), operationMs, options)),
    debugReport: (asked) => inHand(async () => makeDebugReport({ choice, engine, store, fingerprints, env }, asked)),
  };
}
