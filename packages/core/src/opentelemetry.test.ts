import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it } from 'vitest';

import { type SessionEventName, type SessionEvents, channels, publish } from './events.ts';
import { SessError } from './errors.ts';
import { instrumentSessions } from './opentelemetry.ts';
import type { SessionCount } from './storage/count-sessions.ts';

/** The SDK's own reader, which collects when it is asked. */
class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

interface Point {
  attributes: Record<string, unknown>;
  value: unknown;
}

const closing: (() => unknown)[] = [];
afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

function instrumented(activeSessions?: Parameters<typeof instrumentSessions>[0]) {
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  const stop = instrumentSessions({ meter: provider.getMeter('test'), ...activeSessions });
  closing.push(stop, () => provider.shutdown());
  async function collect(): Promise<Record<string, Point[]>> {
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return Object.fromEntries(
      metrics.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        dataPoints.map(({ attributes, value }) => ({ attributes, value })),
      ]),
    );
  }
  return { stop, collect };
}

const handle = 'f'.repeat(64);
const error = new SessError('STORE_TIMEOUT', 'late');

/** One of each event, and what is recorded for it. */
const recorded: { readonly [Name in SessionEventName]: [SessionEvents[Name], string, Record<string, string>] } = {
  opened: [{ handle, outcome: 'ended', durationMs: 20 }, 'sess.open.duration', { 'sess.outcome': 'ended' }],
  committed: [
    { handle, keys: ['card'], created: true, durationMs: 20 },
    'sess.commit.duration',
    { 'sess.outcome': 'created' },
  ],
  touched: [{ handle, durationMs: 20 }, 'sess.touches', {}],
  regenerated: [{ handle, previousHandle: handle }, 'sess.regenerations', {}],
  destroyed: [{ handle, by: 'revoke' }, 'sess.destroyed', { 'sess.reason': 'revoke' }],
  gone: [{ handle }, 'sess.gone', {}],
  dropped: [{ handle, keys: ['card'], reason: 'sealed' }, 'sess.dropped', { 'sess.reason': 'sealed' }],
  badSignature: [{ cookie: 'sid' }, 'sess.cookies.refused', { 'sess.reason': 'bad_signature' }],
  unknownCookie: [{ handle }, 'sess.cookies.refused', { 'sess.reason': 'unknown' }],
  longCookieHeader: [{ length: 20_000 }, 'sess.cookies.refused', { 'sess.reason': 'too_long' }],
  ambiguousCookie: [{ handles: [handle] }, 'sess.cookies.refused', { 'sess.reason': 'ambiguous' }],
  commitFailed: [{ handle, code: 'STORE_FULL', error }, 'sess.commit.failures', { 'error.type': 'STORE_FULL' }],
  conflict: [{ handle, keys: ['card'] }, 'sess.conflicts', {}],
  storeAnswered: [
    { operation: 'read', handle, durationMs: 20 },
    'sess.store.operation.duration',
    { 'sess.operation': 'read' },
  ],
  storeError: [
    { operation: 'update', code: 'STORE_TIMEOUT', handle, error, durationMs: 1_000 },
    'sess.store.errors',
    { 'sess.operation': 'update', 'error.type': 'STORE_TIMEOUT' },
  ],
};

describe('the OpenTelemetry instrumentation', () => {
  const names = Object.keys(channels) as SessionEventName[];
  const took20Ms: unknown = expect.objectContaining({ count: 1, sum: 0.02 });

  it.each(names)('records %s', async (name) => {
    const { collect } = instrumented();
    publish(name, () => recorded[name][0]);
    const metrics = await collect();
    const [, metric, attributes] = recorded[name];
    const value: unknown = metric.endsWith('.duration') ? took20Ms : 1;
    expect(metrics[metric]).toEqual([{ attributes, value }]);
    // A store's fault also took its time; nothing else is recorded twice.
    const others = Object.keys(metrics).filter((other) => other !== metric);
    expect(others).toEqual(name === 'storeError' ? ['sess.store.operation.duration'] : []);
  });

  it('puts no handle, key or other name that anybody can choose into an attribute', async () => {
    const { collect } = instrumented();
    for (const name of names) publish(name, () => recorded[name][0]);
    const text = JSON.stringify(await collect());
    expect(text).toContain('STORE_TIMEOUT');
    for (const forbidden of [handle, 'card', 'sid']) expect(text).not.toContain(forbidden);
  });

  it('counts durations into buckets of seconds, up to the bounds of open and commit', async () => {
    const { collect } = instrumented();
    for (const durationMs of [0.3, 3, 30, 300, 3_000]) publish('opened', () => ({ ...recorded.opened[0], durationMs }));
    const metrics = await collect();
    const counts = [1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0];
    expect(metrics['sess.open.duration']?.[0]?.value).toMatchObject({ buckets: { counts } });
  });

  it('stops when it is told, and listens to nothing then', async () => {
    const { stop, collect } = instrumented();
    publish('gone', () => ({ handle }));
    stop();
    stop();
    publish('gone', () => ({ handle }));
    expect((await collect())['sess.gone']).toEqual([{ attributes: {}, value: 1 }]);
    expect(names.filter((name) => channels[name].hasSubscribers)).toEqual([]);
  });

  it('goes through the global meter provider where no meter is given, and costs nothing without one', () => {
    const stop = instrumentSessions();
    closing.push(stop);
    expect(() => publish('gone', () => ({ handle }))).not.toThrow();
  });

  it('refuses misspelt options and what has no sessions', () => {
    const wrong: unknown[] = [
      { metre: 1 },
      { activeSessions: {} },
      { activeSessions: { sessions: {} } },
      { activeSessions: { sessions: { count: async () => ({}) }, every: 1 } },
      { activeSessions: { sessions: { count: async () => ({}) }, everyMs: -1 } },
      { activeSessions: { sessions: { count: async () => ({}) }, everyMs: '1m' } },
    ];
    for (const options of wrong)
      expect(() => Reflect.apply(instrumentSessions, undefined, [options])).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    expect(names.filter((name) => channels[name].hasSubscribers)).toEqual([]);
  });
});

describe('the gauge of active sessions', () => {
  const gauges = ['sess.active', 'sess.active.complete'];
  const valuesIn = (metrics: Record<string, Point[]>): unknown[] => gauges.map((name) => metrics[name]?.[0]?.value);

  function counted(answers: (SessionCount | Error)[], everyMs?: number) {
    const asked: unknown[] = [];
    const sessions = {
      async count(options: unknown) {
        asked.push(options);
        const answer = answers[Math.min(asked.length, answers.length) - 1];
        if (answer === undefined) throw new Error('asked once too often');
        if (answer instanceof Error) throw answer;
        return answer;
      },
    };
    const options = everyMs === undefined ? { sessions } : { sessions, everyMs, atMost: 7 };
    return { asked, ...instrumented({ activeSessions: options }) };
  }

  it('counts only when metrics are collected, once for all within the interval', async () => {
    const { asked, collect, stop } = counted([{ count: 3, isComplete: true }]);
    expect(asked).toEqual([]);
    expect(valuesIn(await collect())).toEqual([3, 1]);
    expect(valuesIn(await collect())).toEqual([3, 1]);
    expect(asked).toEqual([{}]);
    stop();
    await collect();
    expect(asked).toHaveLength(1);
  });

  it('counts anew after the interval, passes on its bound, and says where it is only a part', async () => {
    const { asked, collect } = counted(
      [
        { count: 3, isComplete: true },
        { count: 7, isComplete: false },
      ],
      0,
    );
    expect(valuesIn(await collect())).toEqual([3, 1]);
    expect(valuesIn(await collect())).toEqual([7, 0]);
    expect(asked).toEqual([{ atMost: 7 }, { atMost: 7 }]);
  });

  it('has a gap where counting failed, not a zero', async () => {
    const { collect } = counted([new SessError('STORE_TIMEOUT', 'late'), { count: 2, isComplete: true }], 0);
    expect(valuesIn(await collect())).toEqual([undefined, undefined]);
    expect(valuesIn(await collect())).toEqual([2, 1]);
  });
});
