import http, { type IncomingHttpHeaders } from 'node:http';
import https from 'node:https';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  setCookies: readonly string[];
  body: string;
  /** By this machine's clock, in milliseconds since the epoch. */
  sentAt: number;
  receivedAt: number;
}

const PATIENCE_MS = 10_000;
const LONGEST_BODY = 1024 * 1024;

/**
 * One GET on a connection of its own: a connection that is kept stays with one worker. No redirect is
 * followed, so that a header with a password goes nowhere else.
 */
export function ask(url: URL, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sentAt = Date.now();
    const request = (url.protocol === 'https:' ? https : http).get(
      url,
      { agent: false, headers: { ...headers, connection: 'close' }, signal: AbortSignal.timeout(PATIENCE_MS) },
      (response) => {
        const receivedAt = Date.now();
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
          if (body.length > LONGEST_BODY) response.destroy();
        });
        response.on('error', reject);
        response.on('close', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            setCookies: response.headers['set-cookie'] ?? [],
            body,
            sentAt,
            receivedAt,
          }),
        );
      },
    );
    request.on('error', reject);
  });
}

/** Why there was no answer, without the address: it may hold a password. */
export function whyNot(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return `no answer within ${PATIENCE_MS / 1000} s`;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** An address without what is secret in it: user, password, query. */
export function shownUrl({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

/** Between hosts, a `Date` in whole seconds and a slow answer explain this much. */
const TOLERATED_SKEW_MS = 5_000;

/** How far another clock is off: 0 where it was within the time that the request took. */
export function skewMs(theirs: number, { sentAt, receivedAt }: Answer): number {
  const off = theirs - Math.min(Math.max(theirs, sentAt), receivedAt);
  return Math.abs(off) > TOLERATED_SKEW_MS ? off : 0;
}
