import { randomUUID } from 'node:crypto';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { CookieJar } from './cookie-jar.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly setCookies: readonly string[];
  readonly text: string;
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly cookie?: string | undefined;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | undefined;
  readonly withinMs?: number;
}

const answersWithinMs = 15_000;

/** There was a connection, and no answer on it. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** One request on a connection of its own: on a kept connection one worker would answer them all. */
export function send(
  url: string,
  { method = 'GET', cookie, headers = {}, body, withinMs = answersWithinMs }: Ask = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      agent: false,
      timeout: withinMs,
      headers: {
        ...headers,
        ...(cookie === undefined ? {} : { Cookie: cookie }),
        ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
      },
    });
    outgoing.once('timeout', () =>
      outgoing.destroy(new NoAnswer(`${method} ${url} was not answered within ${withinMs} ms`)),
    );
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => void chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          setCookies: response.headers['set-cookie'] ?? [],
          text: Buffer.concat(chunks).toString(),
        });
      });
    });
    outgoing.end(body);
  });
}

/** The JSON object that an answer carries. */
export function objectIn(answer: Answer): Record<string, unknown> {
  const value: unknown = JSON.parse(answer.text);
  if (typeof value !== 'object' || value === null) throw new Error(`Not an object: ${answer.text}`);
  return Object.fromEntries(Object.entries(value));
}

const json = { 'Content-Type': 'application/json' };
const form = { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' };

/** Somebody with a cookie jar. Cookies of an answer are in the jar as soon as it is here. */
export class Visitor {
  readonly jar: CookieJar = new CookieJar();
  readonly #base: string;
  readonly #always: OutgoingHttpHeaders;

  /** `always` is sent with each request: what a proxy would add. */
  constructor(base: string, always: OutgoingHttpHeaders = {}) {
    this.#base = base;
    this.#always = always;
  }

  async #ask(path: string, ask: Ask): Promise<Answer> {
    const answer = await send(this.#base + path, {
      cookie: this.jar.header(),
      ...ask,
      headers: { ...this.#always, ...ask.headers },
    });
    this.jar.apply(answer.setCookies);
    return answer;
  }

  get(path: string, headers: OutgoingHttpHeaders = {}, withinMs: number = answersWithinMs): Promise<Answer> {
    return this.#ask(path, { headers, withinMs });
  }

  post(path: string, value?: unknown): Promise<Answer> {
    return this.#ask(
      path,
      value === undefined ? { method: 'POST' } : { method: 'POST', headers: json, body: JSON.stringify(value) },
    );
  }

  /** A body exactly as given, for those that are not valid JSON. */
  postText(path: string, body: string): Promise<Answer> {
    return this.#ask(path, { method: 'POST', headers: json, body });
  }

  /** As a browser sends a form: it follows no redirect here. */
  submit(path: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.#ask(path, { method: 'POST', headers: form, body: new URLSearchParams(fields).toString() });
  }

  async me(withinMs: number = answersWithinMs): Promise<Record<string, unknown>> {
    const answer = await this.get('/api/me', {}, withinMs);
    if (answer.status !== 200) throw new Error(`GET /api/me: ${answer.status} ${answer.text}`);
    return objectIn(answer);
  }

  async login(user: string): Promise<void> {
    const answer = await this.post('/api/login', { user });
    if (answer.status !== 200) throw new Error(`POST /api/login: ${answer.status} ${answer.text}`);
  }
}

/** A user that no other test has: what one owns can then be counted, also in a store that tests share. */
export function newcomer(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}`;
}

/** Runs the tasks, at most `width` at a time: load for the server, not for the machine. */
export async function inParallel<Result>(tasks: readonly (() => Promise<Result>)[], width: number): Promise<Result[]> {
  const results = new Map<number, Result>();
  const queue = tasks.entries();
  const lane = async (): Promise<void> => {
    for (const [index, task] of queue) results.set(index, await task());
  };
  await Promise.all(Array.from({ length: width }, lane));
  return tasks.flatMap((_task, index) => {
    const result = results.get(index);
    return result === undefined ? [] : [result];
  });
}
