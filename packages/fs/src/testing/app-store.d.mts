import type {
  DestroyOptions,
  ReplaceOutcome,
  SessionKey,
  SessionRecord,
  SessionStore,
  StoredSession,
  Succession,
  EndMarker,
} from '@sess/core';
import type { FsStore } from '../index.ts';

/** A record whose texts are all strings. */
export type PlainRecord = Omit<SessionRecord, 'fields'> & { readonly fields: Readonly<Record<string, string>> };

/** What an app changes of a session; times only move later. */
export interface Change {
  set?: Record<string, string>;
  owner?: string;
  touchedAt: number;
  expiresAt: number;
}

export interface AppVerbs {
  create(key: SessionKey, record: SessionRecord): Promise<boolean>;
  read(key: SessionKey): Promise<PlainRecord | 'ended' | undefined>;
  /** Read, merged and replaced, again after each conflict. */
  update(key: SessionKey, change: Change): Promise<'replaced' | 'gone'>;
  /** Reads the session, and ends exactly that state of it. */
  succeed(key: SessionKey, next: Succession): Promise<{ verdict: ReplaceOutcome['verdict']; read?: PlainRecord }>;
  destroy(key: SessionKey, options?: DestroyOptions): Promise<PlainRecord | 'ended' | undefined>;
  stored(key: SessionKey): Promise<StoredSession | EndMarker | undefined>;
  replace(key: SessionKey, version: unknown, record: SessionRecord): Promise<ReplaceOutcome>;
}

export type AppStore = Omit<FsStore, keyof SessionStore> & AppVerbs;

/**
 * A store as an app uses it: each call has its time, and a change is merged again until it meets no other one.
 *
 * @param boundMs how long a caller waits @default 1000
 */
export function appStore(store: FsStore, boundMs?: number): AppStore;
