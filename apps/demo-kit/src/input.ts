import { Problem } from './problems.ts';
import { answerer } from './session-data.ts';

const longestName = 64;
const longestDelayMs = 10_000;

function field(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name) ? Reflect.get(body, name) : undefined;
}

export function userOf(body: unknown): string {
  const user = field(body, 'user');
  const name = typeof user === 'string' ? user.trim() : '';
  if (name === '' || name.length > longestName) {
    throw new Problem('USER_INVALID', `Say who you are: "user" is a name of 1 to ${longestName} characters.`);
  }
  return name;
}

/** The number of a worker: without one, of the worker that was asked. */
export function workerOf(text: string | null): number {
  if (text === null) return answerer().worker;
  if (!/^\d{1,2}$/.test(text)) throw new Problem('WORKER_INVALID', '"worker" is the number of a worker, such as 1.');
  return Number(text);
}

export function valueOf(body: unknown): unknown {
  const value = field(body, 'value');
  if (value === undefined) throw new Problem('VALUE_MISSING', 'Say what to store: {"value": ...}, any JSON value.');
  return value;
}

/** `?delay=` as it stands in the address: milliseconds, bounded so that nobody parks requests here. */
export function delayOf(delay: unknown): number {
  if (delay === undefined) return 0;
  const ms = typeof delay === 'string' && /^\d{1,5}$/.test(delay) ? Number(delay) : Number.NaN;
  if (!(ms <= longestDelayMs)) {
    throw new Problem('DELAY_INVALID', `"delay" is a number of milliseconds from 0 to ${longestDelayMs}.`);
  }
  return ms;
}
