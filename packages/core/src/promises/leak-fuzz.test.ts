import { randomBytes } from 'node:crypto';

import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { channels } from '../events.ts';
import { instrumentSessions } from '../opentelemetry.ts';
import { createSessions } from '../sessions.ts';
import { leaksIn, textOf } from '../testing/leak-search.ts';
import { probeStore } from '../testing/probe-store.ts';
import { type AnySession, allEvents, anySession, watchEvents } from '../testing/test-app.ts';

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** A text that stands nowhere else, in the forms that it may be seen in. */
function canary(name: string, text: string): Record<string, string> {
  const bytes = Buffer.from(text);
  return {
    [name]: text,
    [`${name} in base64`]: bytes.toString('base64').slice(0, -4),
    [`${name} in hex`]: bytes.toString('hex'),
    [`${name} in a URL`]: encodeURIComponent(text),
  };
}

const random = (): string => randomBytes(12).toString('base64url');

type Step =
  | { do: 'write' | 'update' | 'large' | 'invalid' | 'deep'; key: string; tail: string }
  | {
      do:
        | 'login'
        | 'logout'
        | 'rotate'
        | 'save'
        | 'reload'
        | 'revoke'
        | 'touch'
        | 'delete'
        | 'forge'
        | 'toss'
        | 'report';
    };

const key = fc.constantFrom('a', 'cart', 'user name', 'ключ');
const tail = fc.string({ maxLength: 8 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('write', 'update', 'large', 'invalid', 'deep'), key, tail }),
  fc.record({
    do: fc.constantFrom(
      'login',
      'logout',
      'rotate',
      'save',
      'reload',
      'revoke',
      'touch',
      'delete',
      'forge',
      'toss',
      'report',
    ),
  }),
);
/** Which calls of the store fail, before or after their work. */
const fault = fc.constantFrom('none', 'none', 'none', 'before', 'after');
const requests = fc.array(fc.record({ steps: fc.array(step, { maxLength: 5 }), fault }), {
  minLength: 1,
  maxLength: 6,
});

/** Runs requests of one browser. @returns what everybody could read of it, and what nobody may */
async function run(plan: readonly { steps: readonly Step[]; fault: string }[]): Promise<Outcome> {
  const secret = `secret-${random()}${random()}${random()}`;
  const [value, password] = [`value-${random()}`, `password-${random()}`];
  const store = probeStore();
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const logger = { info: log, warn: log, error: log };
  const sessions = createSessions({ store, secret, logger, env: {}, limits: { sessionBytes: 1_000 } });
  const watched = watchEvents(allEvents);
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  const stop = instrumentSessions({ meter: provider.getMeter('fuzz'), activeSessions: { sessions, everyMs: 0 } });
  const [errors, reports, tokens]: [unknown[], unknown[], Set<string>] = [[], [], new Set()];
  const note = async (work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      errors.push(error);
    }
  };
  let jar: string | undefined;
  for (const { steps, fault: kind } of plan) {
    store.before = undefined;
    store.after = undefined;
    if (kind === 'before' || kind === 'after')
      store[kind] = () => {
        // As clients throw: with what they were sent.
        throw Object.assign(new Error('connection lost', { cause: { password } }), { args: [password, value] });
      };
    const forged = steps.some((one) => one.do === 'forge') ? `${jar ?? 'sid=a.b'}x` : jar;
    const tossed = steps.some((one) => one.do === 'toss') ? [...tokens].map((one) => `sid=${one}`).join('; ') : forged;
    const opened = await sessions.open(tossed);
    let session = anySession(opened);
    for (const one of steps) await note(async () => (session = await take(one, session)));
    await note(async () => {
      const { setCookie } = await sessions.commit(opened);
      if (setCookie === undefined) return;
      jar = setCookie.split(';', 1)[0];
      tokens.add(jar?.slice(4) ?? '');
    });
  }

  async function take(one: Step, session: AnySession): Promise<AnySession> {
    if (one.do === 'write') session[one.key] = `${value}${one.tail}`;
    if (one.do === 'deep') session[one.key] = { [one.tail]: [value] };
    if (one.do === 'update') await session.update(one.key, () => `${value}${one.tail}`);
    if (one.do === 'large') session[one.key] = value.repeat(100);
    if (one.do === 'invalid') session[one.key] = { value, at: new Date() };
    if (one.do === 'login') return anySession(await session.regenerate({ owner: 'u1' }));
    if (one.do === 'rotate') return anySession(await session.regenerate({ keep: true }));
    if (one.do === 'logout') await session.destroy();
    if (one.do === 'save') await session.save();
    if (one.do === 'reload') await session.reload();
    if (one.do === 'touch') session.touch();
    if (one.do === 'delete') delete session['cart'];
    if (one.do === 'revoke') await sessions.revoke(session.handle);
    if (one.do === 'report') reports.push(await sessions.debugReport({ isAllowed: true, session }));
    return session;
  }

  store.before = undefined;
  store.after = undefined;
  reports.push(await sessions.debugReport({ isAllowed: true, session: await sessions.open(jar) }));
  const { resourceMetrics } = await reader.collect();
  stop();
  watched.stop();
  await provider.shutdown();
  const signed = [...tokens].flatMap((text) => text.split('.')).filter((part) => part.length > 20);
  const forbidden = {
    ...canary('secret', secret),
    ...canary('value', value),
    ...canary('password', password),
    ...Object.assign({}, ...signed.map((part, n) => canary(`token ${n}`, part))),
  };
  const places = { lines, errors, reports, events: watched.seen, metrics: resourceMetrics.scopeMetrics };
  return { places, forbidden };
}

interface Outcome {
  places: Record<'lines' | 'errors' | 'reports' | 'events' | 'metrics', readonly unknown[]>;
  forbidden: Record<string, string>;
}

function leaks({ places, forbidden }: Outcome): string[] {
  return Object.entries(places).flatMap(([place, things]) =>
    leaksIn(things.map(textOf).join('\n'), forbidden).map((name) => `${name} in ${place}`),
  );
}

describe('whatever requests do, and whatever fails', () => {
  it(
    'no secret, token, value or password is in a log line, error, event, metric or report',
    { timeout: 240_000 },
    async () => {
      const seen = { lines: 0, errors: 0, reports: 0, events: 0, metrics: 0 };
      await fc.assert(
        fc.asyncProperty(requests, async (plan) => {
          const outcome = await run(plan);
          expect(leaks(outcome)).toEqual([]);
          for (const place of ['lines', 'errors', 'reports', 'events', 'metrics'] as const)
            seen[place] += outcome.places[place].length;
        }),
        { numRuns: 150 },
      );
      // It has looked at something.
      for (const [place, count] of Object.entries(seen)) expect([place, count > 100]).toEqual([place, true]);
      expect(allEvents.filter((name) => channels[name].hasSubscribers)).toEqual([]);
    },
  );

  it.each(['lines', 'errors', 'reports', 'events', 'metrics'] as const)(
    'a value, a secret or a token in %s would be found, in any form (the control)',
    async (place) => {
      const plan = [{ steps: [{ do: 'write', key: 'a', tail: '' } as const], fault: 'none' }];
      const { places, forbidden } = await run(plan);
      const planted = Object.entries(forbidden);
      expect(planted.length).toBe(4 * 5);
      for (const [, text] of planted) {
        const things: unknown[] = [...places[place], { deep: [`a line with ${text}`] }];
        expect(leaks({ places: { ...places, [place]: things }, forbidden }).length).toBeGreaterThan(0);
      }
    },
  );
});
