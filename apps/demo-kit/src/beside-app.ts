import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Session, Sessions } from '@sess/core';
import { userOf, workerOf } from './input.ts';
import { tellPrimary } from './messages.ts';
import { problemReply } from './problems.ts';
import { type Reply, jsonReply } from './reply.ts';
import { answerer } from './session-data.ts';

/** How long a visitor's button cuts the workers off from their store. */
const cutForMs = 4_000;

/** Answers what belongs to the page and to no app; `false` for everything else. */
export type BesideApp = (request: IncomingMessage, response: ServerResponse) => boolean;

type Handler = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => Reply | Promise<Reply>;

/**
 * The page shows the memory of each worker beside the demo's store, and its buttons break something. Apps have none of
 * this, so it is answered before a framework sees the request.
 *
 * @param memory sessions in this worker's own memory
 */
export function besideApp(memory: Sessions): BesideApp {
  const inMemory =
    (answer: (session: Session, query: URLSearchParams) => Reply | Promise<Reply>): Handler =>
    async (request, response, query) => {
      const { session } = await memory.attach(request, response);
      return answer(session, query);
    };

  const handlers = new Map<string, Handler>([
    ['GET /memory/api/me', inMemory((session) => jsonReply({ user: session.userId ?? null, ...answerer() }))],
    [
      'POST /memory/api/login',
      inMemory(async (session, query) => {
        const user = userOf({ user: query.get('user') });
        const fresh = await session.regenerate();
        fresh.userId = user;
        return jsonReply({ user, ...answerer() });
      }),
    ],
    [
      'POST /memory/api/logout',
      inMemory(async (session) => {
        await session.destroy();
        return jsonReply({ user: null, ...answerer() });
      }),
    ],
    [
      'POST /demo/kill',
      (_request, response, query) => {
        const worker = workerOf(query.get('worker'));
        // It may be this one, which has to answer first.
        response.once('finish', () => tellPrimary({ type: 'kill', worker }));
        return jsonReply({ worker }, 202);
      },
    ],
    [
      'POST /demo/cut',
      () => {
        tellPrimary({ type: 'cut', forMs: cutForMs });
        return jsonReply({ forMs: cutForMs }, 202);
      },
    ],
  ]);

  return (request, response) => {
    const [path, query] = request.url?.split('?', 2) ?? [];
    const handler = handlers.get(`${request.method} ${path}`);
    if (handler === undefined) return false;
    void Promise.resolve()
      .then(() => handler(request, response, new URLSearchParams(query)))
      .catch((error: unknown) => problemReply(error, request.headers.accept))
      .then(({ status, headers, body }) => response.writeHead(status, headers).end(body));
    return true;
  };
}
