import type { DebugReport, Finding } from '@sess/core';
import { duration } from '../quantities.ts';
import type { WorkerReport } from './worker-reports.ts';

/** What the workers disagree about among themselves. */
export function* compareWorkers(workers: readonly WorkerReport[], requests: number): Generator<Finding> {
  const [first] = workers;
  if (first === undefined) return;
  if (workers.length === 1) {
    yield {
      code: 'WORKERS_ONE',
      severity: 'note',
      text: `All ${requests} reports came from one worker, ${first.name}: no other was compared.`,
      fix: 'If there are more, ask more often: --requests 50. A proxy that keeps each visitor at one worker hides the others.',
    };
  }
  yield* secretFindings(workers);
  yield* storageFindings(workers);
  const cookies = groups(workers, ({ cookie }) => JSON.stringify(cookie));
  if (cookies.length > 1) {
    yield {
      code: 'WORKERS_COOKIE',
      severity: 'error',
      text: `The workers send different cookies: ${told(cookies, ({ cookie }) => cookieText(cookie))}.`,
      fix: 'Give all workers the same options and the same NODE_ENV.',
    };
  }
  const timeouts = groups(workers, (report) => JSON.stringify(report.timeouts));
  if (timeouts.length > 1) {
    yield {
      code: 'WORKERS_TIMEOUTS',
      severity: 'warning',
      text: `The workers have different timeouts: ${told(timeouts, timeoutText)}.`,
      fix: 'Give all workers the same options.',
    };
  }
  const versions = groups(workers, (report) => report.versions.core ?? 'unknown');
  if (versions.length > 1) {
    yield {
      code: 'WORKERS_VERSIONS',
      severity: 'note',
      text: `The workers run different versions of @sess/core: ${told(versions, (report) => report.versions.core ?? 'unknown')}.`,
      fix: 'Normal during a deploy. If it stays, restart the old workers.',
    };
  }
  yield* clockFindings(workers);
}

function* secretFindings(workers: readonly WorkerReport[]): Generator<Finding> {
  // Each must accept what each other signs.
  for (const signer of workers) {
    const signing = signer.report.secrets[0]?.fingerprint;
    const deaf = workers.find(({ report }) => !report.secrets.some(({ fingerprint }) => fingerprint === signing));
    if (signing === undefined || deaf === undefined) continue;
    yield {
      code: 'WORKERS_SECRET',
      severity: 'error',
      text: `Worker ${signer.name} signs with secret ${signing}, which worker ${deaf.name} does not know: users flicker between logged in and logged out.`,
      fix: 'Give all workers the same SECRET_KEY; while it changes, each needs the old and the new one, the other in SECRET_KEY_FALLBACKS.',
    };
    return;
  }
}

function* storageFindings(workers: readonly WorkerReport[]): Generator<Finding> {
  const faults = workers.filter(({ report }) => report.store !== undefined && 'error' in report.store);
  if (faults.length > 0) {
    const codes = faults.map(
      ({ name, report }) => `${name} ${report.store && 'error' in report.store ? report.store.error : ''}`,
    );
    yield {
      code: 'WORKERS_STORE',
      severity: 'error',
      text: `The storage does not answer ${faults.length} of ${workers.length} workers: ${codes.join(', ')}.`,
      fix: 'Look at the network between these workers and the storage, and look up the code in docs/errors.md.',
    };
  }
  const places = groups(workers, ({ backend, storage }) =>
    JSON.stringify([backend.name, storage?.name, storage?.sharedBy === 'process' ? '' : storage?.location]),
  );
  if (places.length > 1) {
    yield {
      code: 'WORKERS_BACKEND',
      severity: 'error',
      text: `The workers keep their sessions in different places: ${told(places, placeText)}.`,
      fix: 'Give all workers the same environment: SESSION_REDIS_URL, REDIS_URL, SESSION_DATABASE_URL, SESSION_DIR, NODE_ENV.',
    };
  } else if (workers.length > 1 && workers[0]?.report.storage?.sharedBy === 'process') {
    yield {
      code: 'WORKERS_MEMORY',
      severity: 'error',
      text: `Each of ${workers.length} workers has its sessions in its own memory: a user of one is a stranger to the others.`,
      fix: 'Use @sess/redis or @sess/postgres, or @sess/fs on one host.',
    };
  }
  const hosts = new Set(workers.map(({ report }) => report.hostname));
  if (hosts.size > 1 && workers.some(({ report }) => report.storage?.sharedBy === 'host')) {
    yield {
      code: 'WORKERS_HOSTS',
      severity: 'warning',
      text: `Sessions are files, and the workers are on ${hosts.size} hosts (${[...hosts].join(', ')}), which do not share them.`,
      fix: 'Set SESSION_REDIS_URL or SESSION_DATABASE_URL. Only containers of one machine that mount one directory may ignore this.',
    };
  }
}

function* clockFindings(workers: readonly WorkerReport[]): Generator<Finding> {
  const off = workers.filter(({ skewMs }) => skewMs !== 0);
  if (off.length === 0) return;
  const each = off.map(
    ({ name, skewMs }) => `${name} ${duration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}`,
  );
  yield {
    code: 'WORKERS_CLOCK',
    severity: 'warning',
    text: `Clocks that differ from this machine's: ${each.join(', ')}.`,
    fix: 'Let all hosts follow a time server (NTP): the absolute timeout is judged by the clock of the worker.',
  };
}

/** The workers by what they say. */
function groups(workers: readonly WorkerReport[], by: (report: DebugReport) => string): WorkerReport[][] {
  const found = new Map<string, WorkerReport[]>();
  for (const worker of workers) {
    const said = by(worker.report);
    found.set(said, [...(found.get(said) ?? []), worker]);
  }
  return [...found.values()];
}

function told(parts: readonly WorkerReport[][], what: (report: DebugReport) => string): string {
  return parts
    .map((part) => `${part[0] === undefined ? '' : what(part[0].report)} (${part.map(({ name }) => name).join(', ')})`)
    .join('; ');
}

function cookieText({ name, secure, sameSite, path, domain }: DebugReport['cookie']): string {
  return `${name} with path ${path}${domain === undefined ? '' : `, domain ${domain}`}, SameSite ${sameSite}${secure ? ', Secure' : ''}`;
}

function timeoutText({ timeouts }: DebugReport): string {
  return `idle ${duration(timeouts.idleTimeoutMs)}, absolute ${duration(timeouts.absoluteTimeoutMs)}`;
}

function placeText({ backend, storage }: DebugReport): string {
  return storage === undefined ? backend.name : `${storage.name} ${storage.location}`;
}
