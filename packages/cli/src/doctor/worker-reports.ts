import type { DebugReport, Finding } from '@sess/core';
import { type Answer, ask, shownUrl, skewMs, whyNot } from './ask.ts';

/** What a worker said of itself, and how far its clock was off then. */
export interface WorkerReport {
  /** Host and process. */
  name: string;
  report: DebugReport;
  skewMs: number;
}

export interface ReportSource {
  url: URL;
  headers: Readonly<Record<string, string>>;
  /** How often to ask. */
  requests: number;
}

/** Asks again and again, each time on a new connection, since a connection that is kept stays with one worker. */
export async function collectReports({
  url,
  headers,
  requests,
}: ReportSource): Promise<{ workers: WorkerReport[]; findings: Finding[] }> {
  const workers = new Map<string, WorkerReport>();
  for (let count = 0; count < requests; count += 1) {
    let answer: Answer;
    try {
      answer = await ask(url, headers);
    } catch (error) {
      return { workers: [...workers.values()], findings: [unreadable(url, `it gives no answer: ${whyNot(error)}`)] };
    }
    const report = parse(answer);
    if (report === undefined) {
      const what = answer.status === 200 ? 'what it answers is no debug report' : `it answers ${answer.status}`;
      return { workers: [...workers.values()], findings: [unreadable(url, what)] };
    }
    const name = `${report.hostname}:${report.pid}`;
    workers.set(name, { name, report, skewMs: skewMs(report.at, answer) });
  }
  return { workers: [...workers.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)), findings: [] };
}

function unreadable(url: URL, why: string): Finding {
  return {
    code: 'REPORT_UNREADABLE',
    severity: 'error',
    text: `The debug report at ${shownUrl(url)} cannot be read: ${why}.`,
    fix: "The route must answer sessions.debugReport({ isAllowed }) as JSON; what lets you in goes into --header 'Authorization: ...'.",
  };
}

function parse({ status, body }: Answer): DebugReport | undefined {
  if (status !== 200) return undefined;
  try {
    const value: unknown = JSON.parse(body);
    return isReport(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** As far as it is compared and shown. Other versions of the library may say more. */
function isReport(value: unknown): value is DebugReport {
  const secrets = part(value, 'secrets');
  const storage = part(value, 'storage');
  const store = part(value, 'store');
  return (
    (storage === undefined || ['name', 'location'].every((name) => typeof part(storage, name) === 'string')) &&
    (store === undefined || typeof part(store, 'error') === 'string' || typeof part(store, 'latencyMs') === 'number') &&
    typeof part(part(value, 'timeouts'), 'absoluteTimeoutMs') === 'number' &&
    typeof part(value, 'at') === 'number' &&
    typeof part(value, 'pid') === 'number' &&
    typeof part(value, 'hostname') === 'string' &&
    typeof part(part(value, 'backend'), 'name') === 'string' &&
    typeof part(part(value, 'cookie'), 'name') === 'string' &&
    typeof part(part(value, 'timeouts'), 'idleTimeoutMs') === 'number' &&
    typeof part(part(value, 'versions'), 'node') === 'string' &&
    Array.isArray(secrets) &&
    secrets.every((secret) => typeof part(secret, 'fingerprint') === 'string')
  );
}

function part(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
