import { randomBytes, randomUUID } from 'node:crypto';
import {
  type IndexesOwners,
  type SessErrorCode,
  type SessionChange,
  type SessionKey,
  type SessionRecord,
  isSessError,
} from '@sess/core';

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

/** The keys that the index shows. */
export async function keysOf(store: IndexesOwners, owner: string): Promise<SessionKey[]> {
  const keys = new Set<SessionKey>();
  for await (const page of store.keysByOwner(owner)) for (const key of page.keys) keys.add(key);
  return [...keys];
}

export async function forget(store: IndexesOwners, owner: string, keys: readonly SessionKey[]): Promise<void> {
  for await (const page of store.keysByOwner(owner)) await page.forget(page.keys.filter((key) => keys.includes(key)));
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
