import { setTimeout as pause } from 'node:timers/promises';
import { newcomer, objectIn, send } from '../http-client.ts';
import { Browser } from './browser.ts';
import type { History, Visit, Wipe } from './history.ts';
import { type Random, seeded } from '@sess/store-tests';

export interface LoadOptions {
  readonly seed: number;
  readonly users: number;
  /** Between two requests of one tab: load for the workers, not for the machine. */
  readonly restMs?: number;
  /** Other libraries have no "log out everywhere". */
  readonly hasLogoutEverywhere?: boolean;
}

export interface Bystander {
  readonly browser: Browser;
  /** The key of its session in the store. */
  readonly handle: string;
}

const restAfterTroubleMs = 50;
const keys = ['colour', 'size', 'note', 'cart'] as const;

/** Users with two browsers of two tabs each, who go on whatever happens until they are told to stop. */
export class Load {
  readonly visits: Visit[] = [];
  readonly wipes: Wipe[] = [];
  readonly browsers: Browser[];
  readonly #options: LoadOptions;
  /** The servers that requests go to in turn: more than one while a new version is rolled out. */
  urls: readonly string[];
  readonly #tabs: Promise<void>[] = [];
  readonly #bystanders = new Set<Browser>();
  #isOver = false;

  constructor(url: string, options: LoadOptions) {
    this.#options = options;
    this.urls = [url];
    const users = Array.from({ length: options.users }, () => newcomer('user'));
    this.browsers = users.flatMap((user) => ['laptop', 'phone'].map((name) => this.#browser(name, user)));
  }

  #browser(name: string, user: string): Browser {
    return new Browser(`${user} ${name}`, user, this.#nextUrl, (visit) => void this.visits.push(visit));
  }

  readonly #nextUrl = (): string => this.urls[this.visits.length % this.urls.length] ?? '';

  get history(): History {
    return { visits: this.visits, wipes: this.wipes };
  }

  async start(): Promise<void> {
    await logIn(this.browsers);
    for (const [at, browser] of this.browsers.entries()) {
      // Every third browser never logs out: its sessions see all of it.
      this.#tabs.push(this.#mainTab(browser, seeded(this.#options.seed + 2 * at), at % 3 !== 0));
      this.#tabs.push(this.#secondTab(browser, seeded(this.#options.seed + 2 * at + 1)));
    }
  }

  /** Browsers that only look and read, of sessions whose stored form can be damaged: nobody writes it anew meanwhile. */
  async bystanders(count: number): Promise<Bystander[]> {
    const browsers = Array.from({ length: count }, () => this.#browser('tablet', newcomer('bystander')));
    await logIn(browsers);
    const bystanders: Bystander[] = [];
    for (const browser of browsers) {
      await browser.set(keys[0]);
      bystanders.push({ browser, handle: await handleOf(this.#nextUrl(), browser.cookie) });
      this.#bystanders.add(browser);
      const isHere = (): boolean => this.#bystanders.has(browser);
      const look = (): Promise<Visit | undefined> => (browser.isLoggedIn ? browser.look() : Promise.resolve(undefined));
      this.#tabs.push(this.#repeat(look, isHere));
    }
    this.browsers.push(...browsers);
    return bystanders;
  }

  /** The bystanders go: a long run would have more of them with each fault. */
  async sendBystandersAway(): Promise<void> {
    const leaving = [...this.#bystanders];
    this.#bystanders.clear();
    await logOut(leaving);
    this.browsers.splice(0, Infinity, ...this.browsers.filter((browser) => !leaving.includes(browser)));
  }

  /** When nothing is asked any more: nobody is left who is logged in. */
  async logOutAll(): Promise<void> {
    await logOut(this.browsers);
  }

  /** Something takes all sessions away meanwhile. */
  async wipe(work: () => Promise<unknown>, isPartial = false): Promise<void> {
    const askedAt = performance.now();
    await work();
    this.wipes.push({ askedAt, endedAt: performance.now(), isPartial });
  }

  /** Waits until everybody has been served for a while. */
  async untilServed(forMs: number, patienceMs = 15_000): Promise<void> {
    const since = performance.now();
    const isTrouble = ({ status = 503 }: Visit): boolean => status >= 500;
    const lastTrouble = (): number => Math.max(since, this.visits.findLast(isTrouble)?.endedAt ?? 0);
    while (performance.now() - lastTrouble() < forMs && performance.now() - since < patienceMs) await pause(25);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#tabs);
  }

  /** Looks at everything once more, now that nothing is broken. */
  async lookAtAll(): Promise<void> {
    for (const browser of this.browsers) {
      if (browser.isLoggedIn) await browser.look(true);
      if (browser.isLoggedIn) for (const key of keys) await browser.get(key, true);
      for (let at = Math.max(0, browser.endedSessions - 10); at < browser.endedSessions; at += 1) {
        await browser.lookBack(at, true);
      }
    }
  }

  async #repeat(step: () => Promise<Visit | undefined>, isHere = (): boolean => true): Promise<void> {
    const { restMs = 5 } = this.#options;
    while (!this.#isOver && isHere()) {
      const visit = await step();
      await pause(visit?.status === 200 ? restMs : restAfterTroubleMs);
    }
  }

  #mainTab(browser: Browser, random: Random, logsOut: boolean): Promise<void> {
    return this.#repeat(() => {
      if (!browser.isLoggedIn) return browser.login();
      const chance = random.below(100);
      if (logsOut && chance < 7) return browser.logout();
      if (logsOut && chance < 9 && this.#options.hasLogoutEverywhere !== false) return browser.logoutEverywhere();
      if (chance < 18) return browser.lookBack(random.below(100)).then((visit) => visit ?? browser.look());
      if (chance < 45) return browser.look();
      if (chance < 60) return browser.get(random.pick(keys));
      return chance < 80 ? browser.set(random.pick(keys)) : browser.count();
    });
  }

  /** Its writes take a while, so that logouts of the main tab come in between. */
  #secondTab(browser: Browser, random: Random): Promise<void> {
    return this.#repeat(async () => {
      if (!browser.isLoggedIn) return undefined;
      const chance = random.below(100);
      if (chance < 30) return browser.set(random.pick(keys), random.below(40));
      if (chance < 60) return browser.count();
      return chance < 80 ? browser.get(random.pick(keys)) : browser.look();
    });
  }
}

/** Those that are not logged in yet. A busy machine, or another fault, may refuse one at first. */
export async function logIn(browsers: readonly Browser[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const logins = await Promise.all(
      browsers.filter(({ isLoggedIn }) => !isLoggedIn).map((browser) => browser.login()),
    );
    const failed = logins.find(({ status }) => status !== 200);
    if (failed === undefined) return;
    if (attempt === 10) throw new Error(`Not everybody could log in: ${failed.status} ${failed.said}`);
    await pause(restAfterTroubleMs);
  }
}

/** As long as the store is not yet back, some are refused. */
async function logOut(browsers: readonly Browser[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const still = browsers.filter(({ isLoggedIn }) => isLoggedIn);
    if (still.length === 0) return;
    if (attempt === 100) throw new Error(`${still.length} could not log out.`);
    await Promise.all(still.map((browser) => browser.logout()));
    if (still.some(({ isLoggedIn }) => isLoggedIn)) await pause(restAfterTroubleMs);
  }
}

async function handleOf(url: string, cookie: string | undefined): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send(`${url}/api/me`, { cookie });
    if (answer.status === 200) return String(objectIn(answer)['handle']);
    if (attempt === 10) throw new Error(`Nobody says which session it is: ${answer.status} ${answer.text}`);
    await pause(restAfterTroubleMs);
  }
}
