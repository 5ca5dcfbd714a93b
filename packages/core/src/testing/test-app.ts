import { Agent, type IncomingMessage, type Server, type ServerResponse, createServer, request } from 'node:http';

import { isSessError } from '../errors.ts';
import { type SessionEventName, channels } from '../events.ts';
import type { Session } from '../session/session.ts';
import { type Sessions, createSessions } from '../sessions.ts';
import type { SessionsOptions } from '../sessions-options.ts';
import { type ProbeStore, probeStore } from './probe-store.ts';

/** A session whose data needs no declaration. */
export type AnySession = Session & {
  update(key: string, fn: (current: unknown) => unknown): Promise<unknown>;
  [key: string]: unknown;
};

export function anySession(session: Session): AnySession {
  return session as AnySession;
}

export interface Visit {
  readonly session: AnySession;
  readonly sessions: Sessions;
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A handler; what it returns is the answer, unless it answers itself. */
export type Route = (visit: Visit) => unknown;

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  setCookie: string[];
  /** The whole body arrived. */
  complete: boolean;
}

export interface TestApp {
  sessions: Sessions;
  store: ProbeStore;
  port: number;
  server: Server;
  /** What was logged. */
  lines: string[];
  get(path: string, cookie?: string, agent?: Agent): Promise<Answer>;
  browser(): Browser;
  close(): Promise<void>;
}

export const testSecret = 'a secret that is only good for tests, 0123456789';

const running = new Set<TestApp>();

export async function closeApps(): Promise<void> {
  await Promise.all([...running].map((app) => app.close()));
}

export async function startApp(
  routes: Record<string, Route>,
  { store = probeStore(), ...options }: Omit<SessionsOptions, 'store'> & { store?: ProbeStore } = {},
): Promise<TestApp> {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const sessions = createSessions({
    store,
    secret: testSecret,
    logger: { info: log, warn: log, error: log },
    env: {},
    ...options,
  });
  await sessions.ready();
  store.took();

  const server = createServer((message, response) => void visit(sessions, routes, message, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const app: TestApp = {
    sessions,
    store,
    port,
    server,
    lines,
    get: (path, cookie, agent) => fetchAnswer(port, path, cookie, agent),
    browser: () => new Browser(app),
    async close() {
      running.delete(app);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  running.add(app);
  return app;
}

async function visit(
  sessions: Sessions,
  routes: Record<string, Route>,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const attached = sessions.attach(message, response);
  const exchange = attached instanceof Promise ? await attached : attached;
  const url = new URL(message.url ?? '/', 'http://test');
  try {
    const result = await routes[url.pathname]?.({
      get session() {
        return anySession(exchange.session);
      },
      sessions,
      url,
      request: message,
      response,
    });
    if (!response.headersSent && !response.writableEnded) response.end(JSON.stringify(result) ?? 'done');
  } catch (error) {
    if (response.headersSent) return void response.destroy();
    // As many handlers of apps: they take over the status, and know nothing of headers.
    response.statusCode = isSessError(error) ? error.status : 500;
    response.setHeader('Cache-Control', 'public, max-age=60');
    response.end(isSessError(error) ? error.code : String(error));
  }
}

function fetchAnswer(port: number, path: string, cookie: string | undefined, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, path, host: '127.0.0.1', agent: agent ?? false, headers: cookie === undefined ? {} : { cookie } },
      (message) => {
        let text = '';
        const settle = (): void =>
          resolve({
            status: message.statusCode ?? 0,
            headers: message.headers,
            text,
            setCookie: message.headers['set-cookie'] ?? [],
            complete: message.complete,
          });
        message.setEncoding('utf8');
        message.on('data', (chunk: string) => (text += chunk));
        message.on('end', settle).on('error', settle);
      },
    );
    sent.on('error', reject).end();
  });
}

/** A browser's jar, with our cookie in it or not. */
export class Browser {
  cookie: string | undefined;
  readonly #app: TestApp;

  constructor(app: TestApp) {
    this.#app = app;
  }

  async get(path: string, agent?: Agent): Promise<Answer> {
    const answer = await this.#app.get(path, this.cookie, agent);
    this.receive(answer);
    return answer;
  }

  /** Sends with today's cookie; the answer arrives when it is given to `receive`. */
  send(path: string): Promise<Answer> {
    return this.#app.get(path, this.cookie);
  }

  receive({ setCookie }: Pick<Answer, 'setCookie'>): void {
    for (const line of setCookie) this.cookie = /; Max-Age=0(?:;|$)/i.test(line) ? undefined : line.split(';', 1)[0];
  }
}

export interface SeenEvent {
  name: SessionEventName;
  event: Record<string, unknown>;
}

export const allEvents = Object.keys(channels) as SessionEventName[];

/** Without what tells of every single call of the store. */
const eventsOfSessions = allEvents.filter((name) => name !== 'storeAnswered');

/** What the library tells the world from now on. */
export function watchEvents(names: readonly SessionEventName[] = eventsOfSessions): {
  seen: SeenEvent[];
  names(): string[];
  stop(): void;
} {
  const seen: SeenEvent[] = [];
  const stops = names.map((name) => {
    const channel = channels[name];
    const listener = (event: unknown): void => void seen.push({ name, event: event as Record<string, unknown> });
    channel.subscribe(listener);
    return () => channel.unsubscribe(listener);
  });
  return { seen, names: () => seen.map(({ name }) => name), stop: () => stops.forEach((stop) => stop()) };
}
