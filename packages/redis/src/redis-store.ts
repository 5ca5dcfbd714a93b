import {
  type ChecksItself,
  type Closes,
  type DescribesItself,
  type IndexesOwners,
  type NotesApps,
  type SessionStore,
  type WalksKeys,
} from '@sess/core';
import { checkClient } from './client-check.ts';
import { link } from './link.ts';
import { locationOfAddress, locationOfClient } from './location.ts';
import { notedApps } from './noted-apps.ts';
import { ownerIndex } from './owner-index.ts';
import { createClient, databaseOf, duplicateClient, isCluster } from './redis-client.ts';
import { replicatedWrites } from './replicated-writes.ts';
import { checkServers } from './server-check.ts';
import { sessionVerbs } from './session-verbs.ts';
import { walkSessions } from './session-walk.ts';
import { type RedisStoreOptions, checkOptions } from './store-options.ts';
import { WholeOperations } from './whole-operations.ts';

export type RedisStore = SessionStore & DescribesItself & IndexesOwners & WalksKeys & NotesApps & ChecksItself & Closes;

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
  const main = link({ client, isOurs, where, timeoutMs });

  // WAIT speaks of its own connection, and stops it.
  const second = isReplicated && !isCluster(client) ? duplicateClient(client, timeoutMs) : undefined;
  const durable = second && link({ client: second, isOurs: true, where, timeoutMs });
  const confirmed = second && durable && replicatedWrites(durable, second, replicas, timeoutMs);

  const whole = new WholeOperations(where, timeoutMs);
  const index = ownerIndex(main, prefix);
  const verbs = sessionVerbs({
    main,
    prefix,
    index,
    timeoutMs,
    whole,
    ...(durable && confirmed && { durable: { link: durable, writes: confirmed } }),
  });
  let closing: Promise<unknown> | undefined;

  return {
    ...verbs,

    keysByOwner: index.keysByOwner,

    walk: () => walkSessions(main, prefix),

    ...notedApps(main, prefix),

    describe: () => ({ name: 'redis', location: `${where()}, prefix "${prefix}"`, sharedBy: 'hosts' }),

    async check() {
      const servers = await checkServers(main, isReplicated ? replicas : undefined);
      return isOurs ? servers : [...servers, ...checkClient(client)];
    },

    async close() {
      closing ??= whole.close().then(() => Promise.all([main.close(), durable?.close()]));
      await closing;
    },
  };
}
