import {
  SessError,
  type Session,
  type SessionExchange,
  type Sessions,
  type SessionsOptions,
  createSessions,
} from '@sess/core';
import { isSessions } from '@sess/core/internal';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyRequest {
    /** The session of this request: properties are data, methods are controls. */
    session: Session;
  }
  interface FastifyInstance {
    /** For listing and revoking sessions; `sessions.ready()` tries the storage. */
    sessions: Sessions;
  }
}

/** What `createSessions` takes, or the sessions that it made. Without any, everything comes from the environment. */
export type SessionPluginOptions = SessionsOptions | Sessions;

/** Where a request keeps its exchange. */
const exchangeKey: unique symbol = Symbol('session exchange');

interface WithExchange {
  [exchangeKey]?: SessionExchange;
}

/**
 * Gives every request a `request.session`, and holds each answer back until its session is stored: `app.register(session)`.
 *
 * @throws SessError when Fastify loads it: `CONFIG_INVALID`, `SECRET_INVALID`, `STORE_PACKAGE_MISSING`, `FS_DIRECTORY`,
 * `FS_UNSUPPORTED`
 */
export const session: FastifyPluginAsync<SessionPluginOptions> = fastifyPlugin(addSessions, {
  fastify: '5.x',
  name: '@sess/fastify',
});

/** Sends the error in place of the app's answer, without any of that answer's headers. */
function sendError(reply: FastifyReply, error: Error): void {
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
  void reply.send(error);
}

async function addSessions(app: FastifyInstance, options: SessionPluginOptions): Promise<void> {
  const isGiven = isSessions(options);
  const sessions = isGiven ? options : createSessions(options);
  app.decorate('sessions', sessions);
  app.decorateRequest('session', { getter: currentSessionOf });

  app.addHook('onRequest', (request: FastifyRequest & WithExchange, reply, proceed) => {
    const keep = (exchange: SessionExchange): void => {
      request[exchangeKey] = exchange;
      proceed();
    };
    // No error handler hears of a commit that fails after the app has answered.
    const attached = sessions.attach(request.raw, reply.raw, {
      onFailure: (error) => request.log.error(error),
      // After `reply.hijack()` Fastify sends nothing any more.
      errorHandler: () => (reply.sent ? undefined : (error) => sendError(reply, error)),
    });
    if (attached instanceof Promise) attached.then(keep, proceed);
    else keep(attached);
  });
  // Sessions that were given are closed by whoever made them.
  if (!isGiven) app.addHook('onClose', () => sessions.close());
}

function currentSessionOf(this: FastifyRequest & WithExchange): Session {
  const exchange = this[exchangeKey];
  if (exchange !== undefined) return exchange.session;
  throw new SessError(
    'UNSUPPORTED',
    'request.session exists only in hooks that were added after @sess/fastify, and in what follows them. Register the plugin before what uses it.',
  );
}
