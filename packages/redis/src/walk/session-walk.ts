import type { SessionKey } from '@sess/core';
import { cursorPages } from './cursor-pages.ts';
import type { Link } from '../connection/link.ts';
import { mastersOf } from '../connection/redis-client.ts';
import { isSessionKey } from '../session-key.ts';
import { looksLive } from '../session-record.ts';

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

  const masters = await link.run({
    what: 'a walk',
    by: link.soon(),
    isRepeatable: true,
    send: async () => mastersOf(client),
  });
  for (const master of masters) {
    const read = (cursor: string) => master.scan(cursor, 'MATCH', pattern, 'COUNT', 1000);
    for await (const names of cursorPages(link, 'a walk over the sessions', read)) {
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

/** The sessions among the keys: neither end markers nor values that are not sessions. */
async function live(link: Link, prefix: string, names: readonly string[]): Promise<SessionKey[]> {
  const keys = names.filter(isSessionKey);
  const send = () =>
    Promise.all(
      keys.map((key) => link.client.getrange(`${prefix}${key}`, 0, 22).catch((error: unknown) => foreign(error))),
    );
  const found = await link.run({ what: 'a walk', by: link.soon(), isRepeatable: true, send });
  return keys.filter((_, index) => looksLive(found[index] ?? ''));
}

function foreign(error: unknown): string {
  if (error instanceof Error && error.message.includes('WRONGTYPE')) return '';
  throw error;
}
