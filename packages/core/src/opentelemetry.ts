import { type BatchObservableResult, type Meter, type MetricOptions, metrics } from '@opentelemetry/api';

import { type SessionEventName, type SessionEvents, onSessionEvent } from './events.ts';
import { SessError } from './errors.ts';
import { assertKnownOptions } from './known-options.ts';
import type { Sessions } from './sessions.ts';
import { sessionSampler } from './opentelemetry/session-sampler.ts';

/** The part of {@link Sessions} that the sampling needs. */
export type CountsSessions = Pick<Sessions, 'count'>;

/** What the figure of living sessions is counted by. */
export interface ActiveSessionsOptions {
  /** What is counted. All workers see the same sessions: let one of them count, or the sum is a multiple. */
  sessions: CountsSessions;
  /** A count is kept for this long, however often metrics are collected, in milliseconds. @default 60 seconds */
  everyMs?: number;
  /** Sessions that are counted at most. @default 100,000 */
  atMost?: number;
}

/** Options of the instrumentation. */
export interface InstrumentationOptions {
  /** @default the meter `@sess/core` of the global meter provider */
  meter?: Meter;
  /** Counts the stored sessions, when metrics are collected. @default not counted */
  activeSessions?: ActiveSessionsOptions;
}

/** From half a millisecond to the bounds of open and commit, in seconds. */
const seconds: MetricOptions = {
  unit: 's',
  advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4] },
};

/**
 * Records metrics of all sessions of this process, fed by the events of `node:diagnostics_channel`.
 * Register the meter provider first. Call it once: who calls it twice counts all twice.
 *
 * Attributes are few and from closed sets: no handle, owner, key or cookie is among them.
 *
 * @returns a function that stops recording
 * @throws SessError `CONFIG_INVALID`
 */
export function instrumentSessions(options: InstrumentationOptions = {}): () => void {
  assertKnownOptions('instrumentSessions()', options, ['meter', 'activeSessions']);
  const { meter = metrics.getMeter('@sess/core'), activeSessions } = options;
  if (activeSessions !== undefined) checkActive(activeSessions);
  const stops = [...recordDurations(meter), ...recordCounts(meter)];
  if (activeSessions !== undefined) stops.push(recordActive(meter, activeSessions));
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}

function recordDurations(meter: Meter): (() => void)[] {
  const opens = meter.createHistogram('sess.open.duration', {
    ...seconds,
    description: 'Time to read the session that a request brought a cookie for',
  });
  const commits = meter.createHistogram('sess.commit.duration', {
    ...seconds,
    description: 'Time to store what a request changed',
  });
  const operations = meter.createHistogram('sess.store.operation.duration', {
    ...seconds,
    description: 'Time of one operation of the store, also of one that failed',
  });
  return [
    onSessionEvent('opened', ({ outcome, durationMs }) => opens.record(durationMs / 1000, { 'sess.outcome': outcome })),
    onSessionEvent('committed', ({ created, durationMs }) =>
      commits.record(durationMs / 1000, { 'sess.outcome': created ? 'created' : 'changed' }),
    ),
    ...(['storeAnswered', 'storeError'] as const).map((name) =>
      onSessionEvent(name, ({ operation, durationMs }) =>
        operations.record(durationMs / 1000, { 'sess.operation': operation }),
      ),
    ),
  ];
}

function recordCounts(meter: Meter): (() => void)[] {
  /** One counter, fed by one event. */
  function counting<Name extends SessionEventName>(
    event: Name,
    [metric, unit, description]: readonly [string, string, string],
    attributesOf: (event: SessionEvents[Name]) => Record<string, string> = () => ({}),
  ): () => void {
    const counter = meter.createCounter(metric, { unit, description });
    return onSessionEvent(event, (heard) => counter.add(1, attributesOf(heard)));
  }
  const refused = ['sess.cookies.refused', '{cookie}', 'Cookies that stand for no session'] as const;
  return [
    counting('touched', ['sess.touches', '{touch}', 'Deadlines that were moved']),
    counting('regenerated', ['sess.regenerations', '{session}', 'Sessions that got a new token']),
    counting('destroyed', ['sess.destroyed', '{session}', 'Sessions that were ended'], ({ by }) => ({
      'sess.reason': by,
    })),
    counting('gone', ['sess.gone', '{session}', 'Sessions that had ended when their change was to be stored']),
    counting('dropped', ['sess.dropped', '{change}', 'Changes that were not stored'], ({ reason }) => ({
      'sess.reason': reason,
    })),
    counting('conflict', [
      'sess.conflicts',
      '{conflict}',
      'Writes that met those of another process and were tried again',
    ]),
    counting('storeError', ['sess.store.errors', '{error}', 'Operations of the store that failed'], (event) => ({
      'error.type': event.code,
      'sess.operation': event.operation,
    })),
    counting(
      'commitFailed',
      ['sess.commit.failures', '{answer}', 'Answers that were replaced by an error'],
      (event) => ({
        'error.type': event.code,
      }),
    ),
    counting('badSignature', refused, () => ({ 'sess.reason': 'bad_signature' })),
    counting('unknownCookie', refused, () => ({ 'sess.reason': 'unknown' })),
    counting('longCookieHeader', refused, () => ({ 'sess.reason': 'too_long' })),
    counting('ambiguousCookie', refused, () => ({ 'sess.reason': 'ambiguous' })),
  ];
}

function recordActive(meter: Meter, { sessions, everyMs = 60_000, atMost }: ActiveSessionsOptions): () => void {
  const sample = sessionSampler(() => sessions.count(atMost === undefined ? {} : { atMost }), everyMs);
  const active = meter.createObservableGauge('sess.active', {
    unit: '{session}',
    description: 'Sessions that are stored and have not ended, by the last count',
  });
  const complete = meter.createObservableGauge('sess.active.complete', {
    unit: '1',
    description: '1: the last count is of all sessions. 0: there are at least as many',
  });
  const gauges = [active, complete];
  const observe = async (result: BatchObservableResult): Promise<void> => {
    const counted = await sample();
    if (counted === undefined) return;
    result.observe(active, counted.count);
    result.observe(complete, counted.isComplete ? 1 : 0);
  };
  meter.addBatchObservableCallback(observe, gauges);
  return () => meter.removeBatchObservableCallback(observe, gauges);
}

function checkActive(options: ActiveSessionsOptions): void {
  assertKnownOptions('instrumentSessions({ activeSessions })', options, ['sessions', 'everyMs', 'atMost']);
  const { sessions, everyMs = 0 } = options;
  if (typeof sessions?.count !== 'function')
    throw new SessError(
      'CONFIG_INVALID',
      'instrumentSessions({ activeSessions: { sessions } }) takes the sessions of your app.',
    );
  if (!(Number.isFinite(everyMs) && everyMs >= 0))
    throw new SessError('CONFIG_INVALID', 'instrumentSessions({ activeSessions: { everyMs } }) takes milliseconds.');
}
