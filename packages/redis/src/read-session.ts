import type { SessionKey, SessionStore } from '@sess/core';
import type { Link } from './link.ts';
import { insideMulti, queued } from './redis-errors.ts';
import { assertSessionKey } from './session-key.ts';
import { decodeRecord } from './session-record.ts';

/**
 * A read is one `GET`, and one command more where nothing is found.
 *
 * Only a master may say that there is no such session: one that was demoted has old data. `GETEX` changes nothing, but
 * counts as a write, so a replica refuses it (READONLY), and so does a master that has lost its replicas where
 * `min-replicas-to-write` is set (NOREPLICAS).
 */
export function sessionReader(link: Link, prefix: string): SessionStore['read'] {
  const decode = (key: SessionKey, stored: string | null) => {
    if (stored === queued) throw insideMulti(link.where());
    return decodeRecord(key, stored);
  };
  const confirm = (key: SessionKey) =>
    link
      .usable()
      .getex(prefix + key)
      .then((stored) => decode(key, stored));

  return (key) => {
    assertSessionKey(key);
    return link.run({
      what: 'a read',
      isRepeatable: true,
      send: () =>
        link
          .usable()
          .get(prefix + key)
          .then((stored) => (stored === null ? confirm(key) : decode(key, stored))),
    });
  };
}
