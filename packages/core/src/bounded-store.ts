import type {
  DestroyOptions,
  EndMarker,
  ReplaceOutcome,
  SessionKey,
  SessionRecord,
  StoredSession,
  Succession,
} from './store.ts';

/** A store's verbs as core calls them: the implementation bounds each call, so nobody passes a deadline. */
export interface BoundedStore {
  create(key: SessionKey, record: SessionRecord): Promise<{ readonly version: unknown } | undefined>;
  read(key: SessionKey): Promise<StoredSession | EndMarker | undefined>;
  replace(key: SessionKey, version: unknown, next: SessionRecord | Succession): Promise<ReplaceOutcome>;
  destroy(key: SessionKey, options?: DestroyOptions): Promise<SessionRecord | EndMarker | undefined>;
}
