import type { DebugReport, Finding } from '@sess/core';
import { count, duration, milliseconds } from '../quantities.ts';
import { type Screen, type Style, printable, wrap } from '../terminal.ts';
import type { Configuration } from './configuration.ts';
import type { Examination } from './examine.ts';
import type { WorkerReport } from './worker-reports.ts';

const looks: Record<Finding['severity'], { sign: string; style: Style }> = {
  error: { sign: '✗', style: 'red' },
  warning: { sign: '!', style: 'yellow' },
  note: { sign: '·', style: 'cyan' },
};

/** The findings for people: first what is there, then what is the matter, the worst first. */
export function* examinationLines(examination: Examination, out: Screen): Generator<string> {
  const { configuration, storage, workers, findings } = examination;
  const row = (name: string, text: string): string =>
    `${out.paint('bold', name.padEnd(9))} ${wrap(printable(text), out.columns, 10)}`;
  if (storage.backend !== undefined) yield row('storage', `${storage.backend.name}. ${storage.backend.reason}`);
  if (storage.description !== undefined) yield row('', storage.description.location);
  if (storage.latencyMs !== undefined)
    yield row('', `created, read, changed and destroyed a session; a read takes ${milliseconds(storage.latencyMs)}`);
  if (storage.ownFindings !== undefined)
    yield row(
      '',
      `looked at by the store itself: ${storage.ownFindings === 0 ? 'nothing is wrong' : count(storage.ownFindings, 'finding')}`,
    );
  if (configuration.cookie !== undefined) yield row('cookie', cookieText(configuration.cookie));
  if (configuration.timeouts !== undefined)
    yield row(
      'timeouts',
      `idle ${duration(configuration.timeouts.idleTimeoutMs)}, absolute ${duration(configuration.timeouts.absoluteTimeoutMs)}`,
    );
  yield row('secrets', secretText(configuration));
  if (workers !== undefined && workers.length > 0) {
    const [first, ...others] = workers;
    if (first !== undefined) yield row('workers', workerText(first));
    for (const worker of others) yield row('', workerText(worker));
  }

  yield '';
  for (const { code, severity, text, fix } of findings) {
    const { sign, style } = looks[severity];
    yield `${out.paint(style, sign)} ${out.paint([style, 'bold'], code)} ${out.paint('dim', severity)}`;
    yield `  ${wrap(printable(text), out.columns, 2)}`;
    yield `  ${out.paint('dim', 'Fix:')} ${wrap(printable(fix), out.columns, 7)}`;
    yield '';
  }
  yield summary(findings, out);
  if (workers === undefined) yield out.paint('dim', 'The running workers were not compared: --report-url.');
}

function cookieText({ name, path, domain, secure, sameSite }: DebugReport['cookie']): string {
  return [
    name,
    `Path=${path}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    'HttpOnly',
    ...(secure ? ['Secure'] : []),
    `SameSite=${sameSite}`,
  ].join('; ');
}

/** Fingerprints, which are for comparing. */
function secretText({ fingerprints: [signing, ...others], findings }: Configuration): string {
  if (signing === undefined) {
    const isDevelopment = findings.some(({ code }) => code === 'SECRET_DEVELOPMENT');
    return isDevelopment ? 'one that is made for development' : 'none that could be looked at';
  }
  return `signs with ${signing}${others.length === 0 ? '' : `; accepts ${others.join(', ')} too`}`;
}

function workerText({ name, report }: WorkerReport): string {
  const { storage, backend, store, secrets } = report;
  const answer =
    store === undefined ? '' : 'error' in store ? `, ${store.error}` : `, read in ${milliseconds(store.latencyMs)}`;
  return `${name}: ${storage?.name ?? backend.name}${answer}; signs with ${secrets[0]?.fingerprint ?? 'nothing'}`;
}

function summary(findings: readonly Finding[], out: Screen): string {
  const number = (severity: Finding['severity']): number => findings.filter((one) => one.severity === severity).length;
  const parts = (['error', 'warning', 'note'] as const).flatMap((severity) =>
    number(severity) === 0 ? [] : [out.paint(looks[severity].style, count(number(severity), severity))],
  );
  return parts.length === 0 ? out.paint('green', '✓ Nothing was found to be wrong.') : `${parts.join(', ')}.`;
}

/** The same for programs. */
export function examinationJson({ configuration, storage, workers, findings }: Examination): object {
  return {
    isHealthy: !findings.some(({ severity }) => severity === 'error'),
    backend: storage.backend,
    storage: storage.description,
    latencyMs: storage.latencyMs,
    cookie: configuration.cookie,
    timeouts: configuration.timeouts,
    secrets: configuration.fingerprints.map((fingerprint) => ({ fingerprint })),
    workers: workers?.map(({ name, report, skewMs }) => ({
      name,
      at: report.at,
      skewMs,
      versions: report.versions,
      backend: report.backend,
      storage: report.storage,
      store: report.store,
      cookie: report.cookie,
      timeouts: report.timeouts,
      secrets: report.secrets,
    })),
    findings,
  };
}
