import { SessError, type SessionKey } from '@sess/core';
import type { Redis } from 'ioredis';
import type { Link } from './link.ts';
import { type RedisClient, isCluster } from './redis-client.ts';
import { isSessionKey } from './session-key.ts';
import { looksLive } from './session-record.ts';

/** The servers that hold sessions: the one, or every master of a cluster. */
export function mastersOf(client: RedisClient): Redis[] {
  return isCluster(client) ? client.nodes('master') : [client];
}

/**
 * All live keys. `SCAN` in steps, never `KEYS`, which stops the server for as long as it takes.
 *
 * `SCAN` may show a key twice, so the ones shown are remembered: 32 characters a session.
 */
export async function* walkSessions(link: Link, prefix: string): AsyncGenerator<SessionKey> {
  const { client } = link;
  // ioredis puts a client's `keyPrefix` before keys, but not before patterns, nor does it take it off results.
  const before = (client.options.keyPrefix ?? '') + prefix;
  const pattern = `${before.replace(/[*?[\]\\^]/g, String.raw`\$&`)}${'?'.repeat(64)}`;
  const shown = new Set<string>();

  const masters = await link.run({ what: 'a walk', isRepeatable: true, send: async () => mastersOf(client) });
  for (const master of masters) {
    for await (const names of namesOn(link, master, pattern)) {
      for (const key of await live(
        link,
        prefix,
        names.map((name) => name.slice(before.length)),
      )) {
        const short = Buffer.from(key, 'hex').toString('latin1');
        if (shown.has(short)) continue;
        shown.add(short);
        yield key;
      }
    }
  }
}

/** How often a walk begins a server at most. */
const mostBeginnings = 5;

/**
 * The names on one server, some of them twice.
 *
 * The cursor of `SCAN` means something to one process alone. Behind a new connection may be another one, where it would
 * pass over sessions: so the server is begun again.
 */
async function* namesOn(link: Link, master: Redis, pattern: string): AsyncGenerator<readonly string[]> {
  for (let beginnings = 0; beginnings < mostBeginnings; beginnings++) {
    const begunAt = performance.now();
    let cursor = '0';
    do {
      const at = cursor;
      const send = () => master.scan(at, 'MATCH', pattern, 'COUNT', 1000);
      const [next, names] = await link.run({ what: 'a walk', isRepeatable: true, send });
      cursor = next;
      yield names;
    } while (cursor !== '0' && link.lostAt < begunAt);
    if (link.lostAt < begunAt) return;
  }
  throw lostAgain(link);
}

function lostAgain(link: Link): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    `The connection to Redis (${link.where()}) was lost again and again during a walk over the sessions.`,
  );
}

/** The sessions among the keys: neither end markers nor what is no session at all. */
async function live(link: Link, prefix: string, names: readonly string[]): Promise<SessionKey[]> {
  const keys = names.filter(isSessionKey);
  const send = () =>
    Promise.all(
      keys.map((key) => link.client.getrange(`${prefix}${key}`, 0, 12).catch((error: unknown) => foreign(error))),
    );
  const found = await link.run({ what: 'a walk', isRepeatable: true, send });
  return keys.filter((_, index) => looksLive(found[index] ?? ''));
}

function foreign(error: unknown): string {
  if (error instanceof Error && error.message.includes('WRONGTYPE')) return '';
  throw error;
}
