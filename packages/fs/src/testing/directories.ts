import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IndexesOwners, SessionKey } from '@sess/core';
import { type FsStoreOptions, fsStore } from '../index.ts';
import { type AppStore, type Change, type PlainRecord, appStore } from './app-store.mjs';

const made: string[] = [];

/** An empty directory on the disk. */
export function temporaryDirectory(): string {
  return emptyDirectoryIn(tmpdir());
}

/** An empty directory in memory where there is such a place: some disks take seconds to remove what thousands of rounds leave. */
export function fastDirectory(): string {
  const shared = '/dev/shm';
  return emptyDirectoryIn(existsSync(shared) ? shared : tmpdir());
}

function emptyDirectoryIn(place: string): string {
  const directory = mkdtempSync(join(place, 'sess-fs-'));
  made.push(directory);
  return directory;
}

/** For `afterAll`. */
export function removeTemporaryDirectories(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}

export function keyOf(name: string | number): SessionKey {
  return createHash('sha256').update(String(name)).digest('hex');
}

/** Longer than core waits: no test here is about the speed of this machine. */
const patientMs = 10_000;

/** Without sweeps of its own. */
export function openStore(options: FsStoreOptions): AppStore {
  return appStore(fsStore({ sweepEveryMs: 0, ...options }), patientMs);
}

/** Where the session of a key lies. */
export function placeOf(directory: string, key: SessionKey): string {
  return join(directory, key.slice(0, 2), key);
}

/** Where its data files lie: in the one stamp. */
export function stampPlaceOf(directory: string, key: SessionKey): string {
  return join(placeOf(directory, key), onlyNameIn(placeOf(directory, key)));
}

/** The one data file. */
export function dataFileOf(directory: string, key: SessionKey): string {
  const stamp = stampPlaceOf(directory, key);
  return join(stamp, onlyNameIn(stamp));
}

function onlyNameIn(directory: string): string {
  const [name, ...others] = readdirSync(directory);
  if (name === undefined || others.length > 0) throw new Error(`not one name in ${directory}: ${others.join(' ')}`);
  return name;
}

export const minuteMs = 60_000;

/** When a caller that asks now stops waiting. */
export function by(): number {
  return performance.now() + patientMs;
}

export function recordAt(now: number, parts: Partial<PlainRecord> = {}): PlainRecord {
  return { fields: { a: '1' }, createdAt: now, touchedAt: now, expiresAt: now + 10 * minuteMs, writeIds: [], ...parts };
}

export function changeAt(now: number, parts: Partial<Change> = {}): Change {
  return { touchedAt: now + 1, expiresAt: now + 20 * minuteMs, ...parts };
}

/** The keys that the index shows. */
export async function keysOf(store: IndexesOwners, owner: string): Promise<SessionKey[]> {
  const keys = new Set<SessionKey>();
  for await (const page of store.keysByOwner(owner)) for (const key of page.keys) keys.add(key);
  return [...keys];
}

/** Has all entries of an owner dropped, as if none of them had a session. */
export async function forgetAll(store: IndexesOwners, owner: string): Promise<void> {
  for await (const page of store.keysByOwner(owner)) await page.forget(page.keys);
}
