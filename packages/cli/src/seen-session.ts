import {
  type OwnerPage,
  type SessionKey,
  type SessionRecord,
  type SessionStore,
  hasAbility,
  isEndMarker,
  isSessError,
} from '@sess/core';
import { CommandError, exitCodes } from './exit-codes.ts';
import { soon } from './patience.ts';

/** A session as it may be shown: without its values. */
export interface SeenSession {
  handle: string;
  owner?: string;
  /** What the app called the device at the login. */
  label?: string;
  createdAt: number;
  /** When it was last written or touched. */
  touchedAt: number;
  expiresAt: number;
  /** Of keys and values, as the limit of a session counts them. */
  bytes: number;
  keys: { name: string; bytes: number }[];
}

/** A record that the store cannot read. It is left alone. */
export interface UnreadableSession {
  handle: string;
  unreadable: string;
}

export function seenSession(handle: string, record: SessionRecord): SeenSession {
  const keys = Object.entries(record.fields)
    .map(([name, text]) => ({ name, bytes: Buffer.byteLength(name) + Buffer.byteLength(text) }))
    .toSorted((a, b) => b.bytes - a.bytes);
  const { owner, settings, createdAt, touchedAt, expiresAt } = record;
  const label = settings?.label;
  return {
    handle,
    ...(owner === undefined ? {} : { owner }),
    ...(label === undefined ? {} : { label }),
    createdAt,
    touchedAt,
    expiresAt,
    bytes: keys.reduce((sum, { bytes }) => sum + bytes, 0),
    keys,
  };
}

/** Reads that run at once: fewer than the files that @sess/fs opens at a time. */
const AT_ONCE = 16;

/** Reads the sessions of these keys, some at a time. What has ended meanwhile is left out. */
export async function* readSessions(
  store: SessionStore,
  keys: AsyncIterable<SessionKey> | Iterable<SessionKey>,
): AsyncGenerator<SeenSession | UnreadableSession> {
  let portion: SessionKey[] = [];
  for await (const key of keys) {
    portion.push(key);
    if (portion.length < AT_ONCE) continue;
    yield* await readAll(store, portion);
    portion = [];
  }
  yield* await readAll(store, portion);
}

async function readAll(store: SessionStore, keys: readonly SessionKey[]): Promise<(SeenSession | UnreadableSession)[]> {
  const found = await Promise.all(keys.map((key) => readOne(store, key)));
  return found.filter((session) => session !== undefined);
}

async function readOne(store: SessionStore, key: SessionKey): Promise<SeenSession | UnreadableSession | undefined> {
  try {
    const found = await store.read(key, soon());
    return found === undefined || isEndMarker(found) ? undefined : seenSession(key, found.record);
  } catch (error) {
    // One torn record is no reason to show none.
    if (isSessError(error) && (error.code === 'STORE_CORRUPT' || error.code === 'STORE_TOO_NEW'))
      return { handle: key, unreadable: error.code };
    throw error;
  }
}

export function isReadable(session: SeenSession | UnreadableSession): session is SeenSession {
  return 'keys' in session;
}

/** All keys, in no order. */
export function walkOf(store: SessionStore): AsyncIterable<SessionKey> {
  if (hasAbility(store, 'walk')) return store.walk();
  throw new CommandError(exitCodes.fault, 'This store cannot list its sessions: it has no walk().');
}

/** Keys that may belong to the owner, each once: the index only hints. */
export async function* keysOf(store: SessionStore, owner: string): AsyncGenerator<SessionKey> {
  const shown = new Set<SessionKey>();
  for await (const { keys } of pagesOf(store, owner)) {
    for (const key of keys) {
      if (shown.has(key)) continue;
      shown.add(key);
      yield key;
    }
  }
}

function pagesOf(store: SessionStore, owner: string): AsyncIterable<OwnerPage> {
  if (hasAbility(store, 'keysByOwner')) return store.keysByOwner(owner);
  throw new CommandError(exitCodes.fault, 'This store cannot find sessions by owner: it has no keysByOwner().');
}
