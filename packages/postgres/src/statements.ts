import { hash } from 'node:crypto';
import type { PostgresQuery } from './postgres-pool.ts';
import { literal } from './sql-text.ts';

/** A statement without its values. With a name it is a prepared statement. */
export type Statement = Pick<PostgresQuery, 'text' | 'name'> & {
  /**
   * It waits for no lock of a row, and for no disk to confirm a write: it may be sent behind another one. It answers the key
   * that it was asked for.
   */
  readonly isRead?: boolean;
};

export type Statements = Readonly<
  Record<
    | 'read'
    | 'create'
    | 'replace'
    | 'end'
    | 'tellEnds'
    | 'ofOwner'
    | 'all'
    | 'sweep'
    | 'blocks'
    | 'takeTurn'
    | 'noteApp'
    | 'notedApps',
    Statement
  >
>;

/** The tables, as they are written in SQL. */
export interface Tables {
  readonly sessions: string;
  readonly notes: string;
  /** Over the owners. */
  readonly index: string;
  /** Where the keys of sessions that end are told. Who listens holds the advisory lock of this name. */
  readonly channel: string;
}

/** A number for the functions of advisory locks. */
export const listenersLock = (channel: string): string => `hashtext(${literal(channel)})`;

/**
 * Every statement that writes looks in the same step. Deadlines are judged by the server's clock alone: it is told how long a
 * session has left. An expired row counts for nothing. A row without a version is an end marker. Versions are read as texts,
 * since an app may have told pg to read every bigint as a number, which has too few digits.
 */
export function statementsOn({ sessions, notes, channel }: Tables): Statements {
  // With always one row at least: a standby may lag behind, so nothing that it says is proved.
  const standby = 'pg_is_in_recovery() AS is_standby';
  const left = (ms: string) => `now() + ${ms}::float8 * interval '1 ms'`;
  const page = (where: string) =>
    `SELECT encode(key, 'hex') AS key, version IS NOT NULL AND expires_at > now() AS is_live, ${standby}
     FROM (VALUES (1)) one LEFT JOIN (SELECT key, version, expires_at FROM ${sessions}
       WHERE key > $1 ${where} ORDER BY key LIMIT 1000) page ON true ORDER BY page.key`;
  // The names of one connection: a pool of the user's may serve several tables, and a pooler apps of several versions.
  const named = (verb: string, text: string): Statement => ({
    name: `sess ${verb} ${hash('sha256', text).slice(0, 8)}`,
    text,
  });
  const lock = listenersLock(channel);
  // It does not tell what stands where it loses: that made it half as dear again where it wins, as it nearly always does.
  const replacing = `UPDATE ${sessions} SET version = $2, expires_at = ${left('$3')}, owner = $4, body = $5
    WHERE key = $1 AND version = $6 AND expires_at > now()`;
  const slice = 'ctid >= $1::tid AND ctid < $2::tid';
  const expired = `expires_at < ${left('-$3')}`;
  return {
    read: {
      ...named(
        'read',
        `SELECT encode($1, 'hex') AS key, s.version::text, s.body, ${standby}
        FROM (VALUES (1)) one LEFT JOIN ${sessions} s ON s.key = $1 AND s.expires_at > now()`,
      ),
      isRead: true,
    },
    create: named(
      'create',
      `INSERT INTO ${sessions} AS s (key, version, expires_at, owner, body) VALUES ($1, $2, ${left('$3')}, $4, $5)
        ON CONFLICT (key) DO UPDATE SET (version, expires_at, owner, body)
        = (excluded.version, excluded.expires_at, excluded.owner, excluded.body) WHERE s.expires_at <= now()`,
    ),
    replace: named('replace', replacing),
    /** `is_watched`: somebody listens for ends. */
    end: named(
      'end',
      `${replacing} RETURNING
        CASE WHEN pg_try_advisory_lock(${lock}) THEN NOT pg_advisory_unlock(${lock}) ELSE true END AS is_watched`,
    ),
    /** Not part of the write: transactions that notify are committed one after the other. */
    tellEnds: named('tell ends', `SELECT pg_notify(${literal(channel)}, key) FROM unnest($1::text[]) key`),
    ofOwner: { text: page('AND owner = $2') },
    all: { text: page('') },
    /** By the place on disk: an index over the deadlines would make every touch more expensive. */
    sweep: {
      text: `WITH gone AS (DELETE FROM ${sessions} WHERE ${expired}
          AND ctid = ANY (ARRAY(SELECT ctid FROM ${sessions} WHERE ${slice} AND ${expired} LIMIT $4)) RETURNING 1)
        SELECT (SELECT count(*)::int FROM gone) AS removed,
        (SELECT count(*)::int FROM ${sessions} WHERE ${slice} AND version IS NOT NULL AND expires_at > now()) AS kept`,
    },
    blocks: {
      text: `SELECT (pg_relation_size(${literal(sessions)}) / current_setting('block_size')::int)::int AS blocks`,
    },
    /** Writes a note if there is none, or only one whose time is over. Removes other old notes on this occasion. */
    takeTurn: {
      text: `WITH forgotten AS (DELETE FROM ${notes} WHERE name <> 'sweep' AND ends_at < now())
        INSERT INTO ${notes} AS n (name, ends_at) VALUES ('sweep', ${left('$1')})
        ON CONFLICT (name) DO UPDATE SET ends_at = excluded.ends_at WHERE n.ends_at <= now()`,
    },
    noteApp: {
      text: `INSERT INTO ${notes} (name, ends_at) VALUES ('app ' || $1, ${left('$2')})
        ON CONFLICT (name) DO UPDATE SET ends_at = excluded.ends_at`,
    },
    notedApps: {
      text: `SELECT substr(name, 5) AS app FROM ${notes} WHERE name LIKE 'app %' AND ends_at > now()`,
    },
  };
}
