import {
  type ChecksItself,
  type Closes,
  type DescribesItself,
  type IndexesOwners,
  type NotesApps,
  type SessionStore,
  type TellsEnds,
  type WalksKeys,
} from '@sess/core';
import { checkClient } from './connection/client-check.ts';
import { Link } from './connection/link.ts';
import { locationOfAddress, locationOfClient } from './connection/location.ts';
import { notedApps } from './noted-apps.ts';
import { ownerIndex } from './owner-index.ts';
import { createClient, databaseOf, duplicateClient, isCluster } from './connection/redis-client.ts';
import { replicatedWrites } from './connection/replicated-writes.ts';
import { checkServers } from './connection/server-check.ts';
import { sessionEnds } from './session-ends.ts';
import { stateNames } from './state-names.ts';
import { creating } from './verbs/create.ts';
import { destroying } from './verbs/destroy.ts';
import { reading } from './verbs/read.ts';
import { replacing } from './verbs/replace.ts';
import type { SessionPlace } from './verbs/session-place.ts';
import { walkSessions } from './walk/session-walk.ts';
import { type RedisStoreOptions, checkOptions } from './store-options.ts';

/** A store on Redis: the four verbs, and all abilities but `sweep`, `probe` and `migrate`. */
export type RedisStore = SessionStore &
  DescribesItself &
  IndexesOwners &
  WalksKeys &
  NotesApps &
  TellsEnds &
  ChecksItself &
  Closes;

/**
 * Sessions in Redis: one server, Sentinel or Cluster; seen by every process that uses the same Redis and prefix.
 *
 * Nothing is connected before the first call.
 *
 * @throws `CONFIG_INVALID`
 */
export function redisStore(options: RedisStoreOptions): RedisStore {
  const { source, prefix, isReplicated, replicas, timeoutMs } = checkOptions(options);
  const isOurs = 'address' in source;
  const client = isOurs ? createClient(source.address, timeoutMs, source.tls) : source.client;
  const database = databaseOf(client);
  const where = () => (isOurs ? locationOfAddress(source.address) : locationOfClient(client, database));
  const main = new Link({ client, isOurs, where, timeoutMs });

  // WAIT counts the writes of its own connection, and blocks it.
  const second = isReplicated && !isCluster(client) ? duplicateClient(client, timeoutMs) : undefined;
  const durable = second && new Link({ client: second, isOurs: true, where, timeoutMs, inOrder: true });
  const lasting =
    second && durable
      ? { link: durable, run: replicatedWrites(durable, second, replicas, prefix) }
      : { link: main, run: main.run };

  const ends = sessionEnds(client, prefix, timeoutMs);
  const index = ownerIndex(main, prefix);
  const place: SessionPlace = { main, lasting, prefix, index, newName: stateNames() };
  let closing: Promise<unknown> | undefined;

  return {
    create: creating(place),
    read: reading(place),
    replace: replacing(place),
    destroy: destroying(place),

    keysByOwner: index.keysByOwner,

    walk: () => walkSessions(main, prefix),

    ...notedApps(main, prefix),

    tellEnds: ends.tellEnds,

    describe: () => ({ name: 'redis', location: `${where()}, prefix "${prefix}"`, sharedBy: 'hosts' }),

    async check() {
      const servers = await checkServers(main, isReplicated ? replicas : undefined);
      return isOurs ? servers : [...servers, ...checkClient(client)];
    },

    async close() {
      closing ??= Promise.all([main.close(), durable?.close(), ends.close()]);
      await closing;
    },
  };
}
