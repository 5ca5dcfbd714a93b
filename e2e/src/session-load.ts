import { setTimeout as pause } from 'node:timers/promises';
import { CarefulVisitor, type Deed, type Observation, type Outcome } from './careful-visitor.ts';
import { Visitor, newcomer, objectIn, send } from './http-client.ts';

const visitors = 20;
/** Who count in one session, all at the same time. */
const counters = 4;
/** Between two requests of one visitor: load for the workers, not for the machine. */
const restMs = 5;
const restAfter503Ms = 50;

/** Visitors who go on, whatever happens to the store, until they are told to stop. */
export class SessionLoad {
  readonly observations: Observation[] = [];
  /** The first half of them never log out. */
  readonly people: readonly CarefulVisitor[];
  readonly #url: string;
  readonly #counted = { cookie: '', confirmed: new Set<unknown>(), unknown: 0 };
  #lanes: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(url: string) {
    this.#url = url;
    const observe = (observation: Observation): void => void this.observations.push(observation);
    this.people = Array.from({ length: visitors }, (_, at) => new CarefulVisitor(url, observe, at < visitors / 2));
  }

  async start(): Promise<void> {
    const logins = await Promise.all(this.people.map((person) => person.login()));
    if (logins.some((outcome) => outcome !== 'right')) throw new Error('Not everybody could log in.');
    const crowd = new Visitor(this.#url);
    await crowd.login(newcomer('crowd'));
    this.#counted.cookie = crowd.jar.header() ?? '';
    const steps = this.people.map((person) => () => person.step());
    for (let count = 0; count < counters; count += 1) steps.push(() => this.#count());
    this.#lanes = Promise.all(
      steps.map(async (step) => {
        while (!this.#isOver) await pause((await step()) === 'right' ? restMs : restAfter503Ms);
      }),
    );
  }

  /** Waits until everybody has been served for a while. */
  async untilServed(forMs = 1_000, patienceMs = 10_000): Promise<void> {
    const since = performance.now();
    const lastTrouble = (): number =>
      Math.max(since, ...this.observations.filter(({ outcome }) => outcome === '503').map(({ endedAt }) => endedAt));
    while (performance.now() - lastTrouble() < forMs && performance.now() - since < patienceMs) await pause(50);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#lanes;
  }

  /** Looks at everything that was confirmed. Only what is right counts now. */
  async verify(): Promise<string[]> {
    const outcomes = (await Promise.all(this.people.map((person) => person.verify()))).flat();
    const problems = outcomes.filter((outcome) => outcome !== 'right').map((outcome) => `afterwards: ${outcome}`);
    const { cookie, confirmed, unknown } = this.#counted;
    const { views } = objectIn(await send(`${this.#url}/api/me`, { cookie }));
    const isRight = Number(views) >= confirmed.size && Number(views) <= confirmed.size + unknown;
    if (!isRight) problems.push(`${String(views)} counts: ${confirmed.size} confirmed, ${unknown} unknown`);
    return problems;
  }

  async #count(): Promise<Outcome> {
    const { cookie, confirmed } = this.#counted;
    const askedAt = performance.now();
    const note = (outcome: Outcome, problem?: string): Outcome => {
      if (outcome !== 'right') this.#counted.unknown += 1;
      const endedAt = performance.now();
      this.observations.push({ deed: 'count', outcome, askedAt, endedAt, ...(problem !== undefined && { problem }) });
      return outcome;
    };
    try {
      const answer = await send(`${this.#url}/api/count`, { method: 'POST', cookie });
      if (answer.status === 503) return note('503');
      if (answer.status !== 200) return note('wrong', `count: ${answer.status} ${answer.text.slice(0, 200)}`);
      const { views } = objectIn(answer);
      if (confirmed.has(views)) return note('wrong', `${String(views)} was counted twice`);
      confirmed.add(views);
      return note('right');
    } catch (error) {
      return note('wrong', `count: no answer: ${String(error)}`);
    }
  }
}

export function tallyOf(observations: readonly Observation[], deeds?: readonly Deed[]): Record<Outcome, number> {
  const tally: Record<Outcome, number> = { right: 0, '503': 0, wrong: 0 };
  for (const { deed, outcome } of observations) if (deeds?.includes(deed) ?? true) tally[outcome] += 1;
  return tally;
}
