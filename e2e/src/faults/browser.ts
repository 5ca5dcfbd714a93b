import { CookieJar } from '../cookie-jar.ts';
import { type Answer, type Ask, objectIn, send } from '../http-client.ts';
import type { Deed, Visit } from './history.ts';
import { standstillMs } from './standstill.ts';

/** Nobody waits longer for an answer. It is wrong long before that. */
const patienceMs = 10_000;

const json = { 'Content-Type': 'application/json' };

/** A browser of one user. Its tabs share the jar, and are under way at the same time. */
export class Browser {
  readonly user: string;
  readonly #name: string;
  readonly #url: () => string;
  readonly #record: (visit: Visit) => void;
  readonly #jar = new CookieJar();
  /**
   * The sessions of this browser's logins by their cookies, until it is told that they have ended. A cookie that is not
   * here stands for nobody: a late write began a new session after the one that it was sent with had gone, and its
   * answer has replaced the cookie, as in any browser.
   */
  readonly #sessions = new Map<string, string>();
  #logins = 0;
  #written = 0;
  /** Cookies of sessions that ended, with their names. */
  readonly #old: { readonly cookie: string; readonly session: string }[] = [];

  constructor(name: string, user: string, url: () => string, record: (visit: Visit) => void) {
    this.#name = name;
    this.user = user;
    this.#url = url;
    this.#record = record;
  }

  /** Whether its cookie is of a session that it knows nothing bad of. */
  get isLoggedIn(): boolean {
    return this.#session !== undefined;
  }

  get #session(): string | undefined {
    return this.#sessions.get(this.cookie ?? '');
  }

  /** How many sessions it has logged out of. */
  get endedSessions(): number {
    return this.#old.length;
  }

  get cookie(): string | undefined {
    return this.#jar.header();
  }

  login(): Promise<Visit> {
    return this.#ask('login', '/api/login', { method: 'POST', value: { user: this.user } });
  }

  logout(): Promise<Visit> {
    return this.#end('logout', '/api/logout');
  }

  logoutEverywhere(): Promise<Visit> {
    return this.#end('logout everywhere', '/api/logout-everywhere');
  }

  /** One that shows nobody ends the session for this browser: its user would log in again. */
  async look(isCalm = false): Promise<Visit> {
    const sent = this.cookie ?? '';
    const visit = await this.#ask('look', '/api/me', { isCalm });
    if (visit.status === 200 && visit.shown === null) this.#sessions.delete(sent);
    return visit;
  }

  /** With the cookie of a session that this browser was told has ended. */
  async lookBack(at: number, isCalm = false): Promise<Visit | undefined> {
    const old = this.#old[at % Math.max(1, this.#old.length)];
    return old && this.#ask('look', '/api/me', { isCalm, as: old });
  }

  get(key: string, isCalm = false): Promise<Visit> {
    return this.#ask('get', `/api/get/${key}`, { key, isCalm });
  }

  set(key: string, delayMs = 0): Promise<Visit> {
    this.#written += 1;
    const value = `${this.#name} ${this.#written}`;
    return this.#ask('set', `/api/set/${key}?delay=${delayMs}`, { method: 'POST', key, value: { value }, delayMs });
  }

  count(): Promise<Visit> {
    return this.#ask('count', '/api/count', { method: 'POST' });
  }

  async #end(deed: Deed, path: string): Promise<Visit> {
    const { cookie = '' } = this;
    const session = this.#session;
    const visit = await this.#ask(deed, path, { method: 'POST' });
    if (visit.status === 200 && session !== undefined) {
      this.#old.push({ cookie, session });
      this.#sessions.delete(cookie);
    }
    return visit;
  }

  async #ask(
    deed: Deed,
    path: string,
    { as, isCalm = false, key, delayMs, value, method = 'GET' }: Asked,
  ): Promise<Visit> {
    const session = as?.session ?? (deed === 'login' ? `${this.#name} ${++this.#logins}` : this.#session);
    const ask: Ask = { method, withinMs: patienceMs, cookie: as?.cookie ?? this.cookie };
    const stalledBeforeMs = standstillMs();
    const askedAt = performance.now();
    const common = { deed, user: this.user, askedAt, isCalm, ...(session !== undefined && { session }) };
    const about = { ...(key !== undefined && { key }), ...(delayMs !== undefined && { delayMs }), ...value };
    const answer = await send(
      this.#url() + path,
      value === undefined ? ask : { ...ask, headers: json, body: JSON.stringify(value) },
    ).catch((error: unknown) => String(error));
    const times = { endedAt: performance.now(), stalledMs: standstillMs() - stalledBeforeMs };
    if (typeof answer !== 'string' && as === undefined) {
      this.#jar.apply(answer.setCookies);
      // At once, before another answer is looked at: the name and the cookie belong together.
      if (deed === 'login' && answer.status === 200) this.#sessions.set(this.cookie ?? '', session ?? '');
    }
    const visit: Visit =
      typeof answer === 'string'
        ? { ...common, ...about, ...times, said: answer, cookies: [] }
        : { ...common, ...about, ...times, ...toldBy(deed, answer) };
    this.#record(visit);
    return visit;
  }
}

interface Asked {
  readonly as?: { readonly cookie: string; readonly session: string };
  readonly isCalm?: boolean;
  readonly key?: string;
  readonly delayMs?: number;
  readonly value?: Readonly<Record<string, unknown>>;
  readonly method?: 'GET' | 'POST';
}

type Told = Omit<Visit, 'deed' | 'user' | 'askedAt' | 'endedAt' | 'stalledMs'>;

/** What an answer says, as far as it is judged. */
function toldBy(deed: Deed, { status, headers, setCookies, text }: Answer): Told {
  const cookies = setCookies.map((line) => line.split('=')[0] ?? '');
  const told = { status, cookies };
  if (status !== 200) {
    const { 'retry-after': retryAfter, 'cache-control': cacheControl } = headers;
    return {
      ...told,
      said: text.slice(0, 200),
      ...(retryAfter !== undefined && { retryAfter }),
      ...(cacheControl !== undefined && { cacheControl }),
    };
  }
  const said = objectIn({ status, headers, setCookies, text });
  if (deed === 'look') return { ...told, shown: said['user'], views: Number(said['views']) };
  if (deed === 'count') return { ...told, views: Number(said['views']) };
  return deed === 'get' ? { ...told, value: said['value'] } : told;
}
