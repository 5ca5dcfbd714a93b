import { type Answer, Visitor, newcomer, objectIn, send } from './http-client.ts';

export type Outcome = 'right' | '503' | 'wrong';
export type Deed = 'login' | 'logout' | 'me' | 'get' | 'set' | 'count' | 'dead';

export interface Observation {
  readonly deed: Deed;
  readonly outcome: Outcome;
  readonly askedAt: number;
  readonly endedAt: number;
  /** What was wrong, in words. */
  readonly problem?: string;
}

/** What the store may hold: several values after a 503, since the change may have landed. A look settles which. */
type Candidates = Set<unknown>;

/** Whatever breaks P1: a 503 says "try again", and touches no cookie. */
function problemOf503({ headers, setCookies }: Answer): string | undefined {
  if (setCookies.length > 0) return 'a 503 with Set-Cookie';
  if (headers['retry-after'] !== '1') return `a 503 with Retry-After: ${headers['retry-after']}`;
  return headers['cache-control'] === 'no-store' ? undefined : 'a 503 that may be cached';
}

/** Somebody who does one thing after the other, remembers what was answered, and so sees each answer that is wrong. */
export class CarefulVisitor {
  readonly user: string = newcomer('user');
  readonly visitor: Visitor;
  readonly #url: string;
  readonly #observe: (observation: Observation) => void;
  readonly #staysLoggedIn: boolean;
  /** `undefined`: a logout was answered with 503. */
  #isLoggedIn: boolean | undefined = false;
  #number: Candidates = new Set();
  #views: Candidates = new Set();
  #steps = Math.floor(Math.random() * 10);
  /** Of sessions whose logout was confirmed. */
  readonly #deadCookies: string[] = [];

  constructor(url: string, observe: (observation: Observation) => void, staysLoggedIn: boolean) {
    this.#url = url;
    this.visitor = new Visitor(url);
    this.#observe = observe;
    this.#staysLoggedIn = staysLoggedIn;
  }

  /** Whatever comes next. */
  step(): Promise<Outcome> {
    if (this.#isLoggedIn === undefined) return this.look();
    if (!this.#isLoggedIn) return this.login();
    this.#steps += 1;
    const deeds = [this.look, this.set, this.count, this.get, this.lookWithDeadCookie];
    if (this.#steps % 12 === 0 && !this.#staysLoggedIn) return this.logout();
    return (deeds[this.#steps % deeds.length] ?? this.look).call(this);
  }

  login(): Promise<Outcome> {
    return this.#ask('login', () => this.visitor.post('/api/login', { user: this.user }), {
      judge: ({ setCookies }) => {
        this.#isLoggedIn = true;
        this.#number = new Set([null]);
        this.#views = new Set([0]);
        return setCookies.length === 1 ? undefined : `a login with ${setCookies.length} cookies`;
      },
    });
  }

  logout(): Promise<Outcome> {
    const cookie = this.visitor.jar.header();
    return this.#ask('logout', () => this.visitor.post('/api/logout'), {
      judge: () => {
        this.#isLoggedIn = false;
        if (cookie !== undefined) this.#deadCookies.push(cookie);
        return this.visitor.jar.header() === undefined ? undefined : 'a logout that leaves the cookie';
      },
      unknown: () => (this.#isLoggedIn = undefined),
    });
  }

  look(): Promise<Outcome> {
    return this.#ask('me', () => this.visitor.get('/api/me'), {
      judge: (answer) => {
        const { user, views } = objectIn(answer);
        if (answer.setCookies.length > 0) return 'a look that sets a cookie';
        if (user === null && this.#isLoggedIn === undefined) {
          this.#isLoggedIn = false;
          return undefined;
        }
        if (user !== this.user) return `${this.user} was taken for ${String(user)}`;
        this.#isLoggedIn = true;
        return this.#settle('views', this.#views, views);
      },
    });
  }

  get(): Promise<Outcome> {
    return this.#ask('get', () => this.visitor.get('/api/get/number'), {
      judge: (answer) => this.#settle('number', this.#number, objectIn(answer)['value']),
    });
  }

  set(): Promise<Outcome> {
    const value = this.#steps;
    return this.#ask('set', () => this.visitor.post('/api/set/number', { value }), {
      judge: () => void (this.#number = new Set([value])),
      unknown: () => this.#number.add(value),
    });
  }

  count(): Promise<Outcome> {
    const next = new Set([...this.#views].map((views) => Number(views) + 1));
    return this.#ask('count', () => this.visitor.post('/api/count'), {
      judge: (answer) => {
        this.#views = next;
        return this.#settle('count', this.#views, objectIn(answer)['views']);
      },
      unknown: () => (this.#views = new Set([...this.#views, ...next])),
    });
  }

  /** The cookie of a session that was logged out knows nobody, whoever is asked, however late. */
  lookWithDeadCookie(): Promise<Outcome> {
    const cookie = this.#deadCookies[this.#steps % Math.max(1, this.#deadCookies.length)];
    if (cookie === undefined) return this.look();
    return this.#ask('dead', () => send(`${this.#url}/api/me`, { cookie }), {
      judge: (answer) => {
        const { user, keys } = objectIn(answer);
        const isEmpty = user === null && Array.isArray(keys) && keys.length === 0;
        return isEmpty ? undefined : `a session of ${String(user)} that had been logged out`;
      },
    });
  }

  /** Everything that was confirmed, once more. */
  async verify(): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    if (this.#isLoggedIn !== false) outcomes.push(await this.look());
    if (this.#isLoggedIn === true) outcomes.push(await this.get());
    for (this.#steps = 0; this.#steps < this.#deadCookies.length; this.#steps += 1) {
      outcomes.push(await this.lookWithDeadCookie());
    }
    return outcomes;
  }

  #settle(what: string, candidates: Candidates, value: unknown): string | undefined {
    const problem = candidates.has(value)
      ? undefined
      : `${what} is ${String(value)}, not ${[...candidates].join(' or ')}`;
    // Also after a wrong one: each mistake is counted once.
    candidates.clear();
    candidates.add(value);
    return problem;
  }

  async #ask(
    deed: Deed,
    request: () => Promise<Answer>,
    { judge, unknown }: { judge: (answer: Answer) => string | undefined; unknown?: () => unknown },
  ): Promise<Outcome> {
    const askedAt = performance.now();
    const judged = (answer: Answer): { outcome: Outcome; problem?: string | undefined } => {
      if (answer.status === 200) {
        const problem = judge(answer);
        return { outcome: problem === undefined ? 'right' : 'wrong', problem };
      }
      unknown?.();
      const problem =
        answer.status === 503 ? problemOf503(answer) : `${deed}: ${answer.status} ${answer.text.slice(0, 200)}`;
      return { outcome: problem === undefined ? '503' : 'wrong', problem };
    };
    const { outcome, problem } = await request().then(judged, (error: unknown) => {
      unknown?.();
      return {
        outcome: 'wrong' as const,
        problem: `${deed}: no answer: ${String(error)}`,
      };
    });
    this.#observe({
      deed,
      outcome,
      askedAt,
      endedAt: performance.now(),
      ...(problem !== undefined && { problem }),
    });
    return outcome;
  }
}
