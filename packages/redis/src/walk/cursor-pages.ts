import { SessError } from '@sess/core';
import type { Link } from '../connection/link.ts';

/** How often one walk begins at most. */
const mostBeginnings = 5;

/**
 * All that a cursor of `SCAN` or `ZSCAN` shows, some of it twice. What is there from the beginning to the end is shown.
 *
 * A cursor means something to one server process alone. After a new connection the server may be another one, where the
 * cursor would skip some: so the walk begins again.
 */
export async function* cursorPages(
  link: Link,
  what: string,
  read: (cursor: string) => Promise<[next: string, found: string[]]>,
): AsyncGenerator<readonly string[]> {
  for (let beginnings = 0; beginnings < mostBeginnings; beginnings++) {
    const begunAt = performance.now();
    let cursor = '0';
    do {
      const at = cursor;
      const [next, found] = await link.run({ what, by: link.soon(), isRepeatable: true, send: () => read(at) });
      cursor = next;
      yield found;
    } while (cursor !== '0' && link.lostAt < begunAt);
    if (link.lostAt < begunAt) return;
  }
  throw new SessError(
    'STORE_UNAVAILABLE',
    `The connection to Redis (${link.where()}) was lost again and again during ${what}.`,
  );
}
