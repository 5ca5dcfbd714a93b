import {
  type Clock,
  type EndMarker,
  SessError,
  type SessionRecord,
  type SessionSettings,
  type StoredSession,
  isEndMarker,
} from '@sess/core';
import { stringOf } from '@sess/core/internal';

import { Cookie, textOfCookie } from './cookie.ts';
import type { SessionData } from './session.ts';

/** What a record takes from the options where the session itself says nothing. */
export interface RecordShape {
  /** The cookie of a new session. */
  readonly cookie: () => Cookie;
  /** How long a session lives unused, in milliseconds. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
}

/** What core knows of a session, beside the data and the cookie. */
interface Life extends Omit<SessionRecord, 'fields'> {}

/** The cookie as a store gets it: with what core knows of the session, or with the end marker in its place. */
class StoredCookie extends Cookie {
  readonly #more: { readonly life: Life } | { readonly marker: EndMarker };

  constructor(options: object, clock: Clock, more: { readonly life: Life } | { readonly marker: EndMarker }) {
    super(options, clock);
    this.#more = more;
    // Some stores keep the object, and not its JSON.
    Object.assign(this, more);
  }

  override toJSON(): Record<string, unknown> {
    return { ...this.data, ...this.#more };
  }
}

/** An end marker in the form of express-session: no data, and a cookie that lives as long as the marker is to stand. */
export function sessionOfMarker(marker: EndMarker, forMs: number, shape: RecordShape): SessionData {
  const cookie = new StoredCookie({ path: '/' }, shape.clock, { marker });
  cookie.maxAge = forMs;
  return { cookie };
}

/** A record in the form of express-session: data, and a cookie. */
export function sessionOf({ fields, ...life }: SessionRecord, shape: RecordShape): SessionData {
  const { cookie: text, ...texts } = fields;
  const basis = shape.cookie();
  const cookie = new StoredCookie(
    { ...basis.data, ...(text === undefined ? {} : JSON.parse(stringOf(text))) },
    shape.clock,
    { life },
  );
  const isPersistent = life.settings?.persistent ?? basis.originalMaxAge !== null;
  const idleMs = life.settings?.idleTimeoutMs ?? shape.idleTimeoutMs;
  cookie.expires = isPersistent ? new Date(life.expiresAt) : null;
  cookie.originalMaxAge = isPersistent ? idleMs : null;
  const data = Object.entries(texts).map(([key, json]) => [key, JSON.parse(stringOf(json))]);
  return { ...Object.fromEntries(data), cookie };
}

/**
 * The record of what a store has found, also where another program has written it; or the end marker that it is.
 * @throws SessError `STORE_CORRUPT`
 */
export function recordOf(found: object, shape: RecordShape): StoredSession | EndMarker {
  const { cookie: stored, ...data }: { cookie?: unknown } = { ...found };
  if (typeof stored !== 'object' || stored === null)
    throw new SessError('STORE_CORRUPT', 'What the session store holds is not a session: it has no cookie.');
  const marker: object | undefined = Reflect.get(stored, 'marker') ?? undefined;
  if (isEndMarker(marker)) return marker;
  const cookie = new Cookie(stored, shape.clock);
  const fields: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries(data)) {
    const text: unknown = JSON.stringify(value);
    if (typeof text === 'string') fields[key] = text;
  }
  fields['cookie'] = textOfCookie(cookie);
  return { record: { fields, ...lifeOf(stored, shape) }, version: JSON.stringify(found) };
}

function lifeOf(cookie: object, { idleTimeoutMs, clock }: RecordShape): Life {
  const known: Partial<Life> = Reflect.get(cookie, 'life') ?? {};
  const now = clock();
  const { createdAt = now, touchedAt = now, writeIds = [], owner } = known;
  const settings: SessionSettings | undefined = known.settings;
  // A store that only moves its own deadline at a touch still has the old moment here: what has ended, it decides.
  const expiresAt = known.expiresAt !== undefined && known.expiresAt > now ? known.expiresAt : now + idleTimeoutMs;
  return {
    createdAt,
    touchedAt,
    expiresAt,
    writeIds,
    ...(owner !== undefined && { owner }),
    ...(settings !== undefined && { settings }),
  };
}
