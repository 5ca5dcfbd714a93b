import { randomBytes, randomUUID } from 'node:crypto';
import { type SessErrorCode, type SessionChange, type SessionKey, type SessionRecord, isSessError } from '@sess/core';

export function newKey(): SessionKey {
  return randomBytes(32).toString('hex');
}

/** A prefix for one test: no test sees another's sessions, and nothing is flushed. */
export function newPrefix(): string {
  return `t-${randomUUID()}:`;
}

export function record(fields: Record<string, string> = {}, more: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  return { fields, createdAt: now, touchedAt: now, expiresAt: now + 600_000, ...more };
}

export function change(parts: Partial<SessionChange> = {}): SessionChange {
  const now = Date.now();
  return { touchedAt: now, expiresAt: now + 600_000, ...parts };
}

export interface Outcome<T> {
  value?: T;
  code?: SessErrorCode;
  error?: Error;
  tookMs: number;
}

/** What a call came to, and how long it took. An error that is not a `SessError` is one of the test's. */
export async function outcomeOf<T>(call: () => Promise<T>): Promise<Outcome<T>> {
  const begunAt = performance.now();
  try {
    const value = await call();
    return { value, tookMs: performance.now() - begunAt };
  } catch (error) {
    if (!isSessError(error)) throw error;
    return { code: error.code, error, tookMs: performance.now() - begunAt };
  }
}
