import { freePort } from '../redis-server.ts';
import { type Fault, goesOn, refuses } from './fault.ts';
import type { Deed } from './history.ts';
import type { Judged } from './judge.ts';
import { type RedisStorage, password, redisStorage } from './storage.ts';
import { tallyOf } from './tally.ts';

const storage = (): Promise<RedisStorage> => redisStorage();
export const of = (during: readonly Judged[], ...deeds: readonly Deed[]): Judged[] =>
  during.filter(({ visit }) => deeds.includes(visit.deed));

/** Nobody can log in, but everybody can read and log out. */
function refusesLogins(during: readonly Judged[]): string | undefined {
  if (tallyOf(of(during, 'login')).refused === 0) return 'no login was refused';
  const others = tallyOf(of(during, 'look', 'get', 'logout')).refused;
  return others === 0 ? undefined : `${others} reads or logouts were refused`;
}

/** Writes are refused, and reads go on. */
export function refusesWrites(during: readonly Judged[]): string | undefined {
  return refuses(of(during, 'set', 'count', 'login')) ?? goesOn(of(during, 'look', 'get'));
}

/** A Redis that answers, and refuses. */
export const faultsOfRefusals: readonly Fault<RedisStorage>[] = [
  {
    id: 'F10',
    name: 'Redis becomes a read-only replica, and a master again',
    how: 'REPLICAOF',
    storage,
    expects: refuses,
    async begin({ storage: { redis } }) {
      await redis.admin.replicaof('127.0.0.1', String(await freePort()));
      return async () => {
        const role = await redis.admin.info('replication');
        await redis.admin.replicaof('NO', 'ONE');
        return /role:\w+/.exec(role)?.[0] ?? '';
      };
    },
  },
  {
    id: 'F15',
    name: 'Redis is out of memory',
    isForPeers: true,
    how: 'maxmemory 1, noeviction',
    storage,
    lastsMs: 2_000,
    expects: refusesLogins,
    async begin({ storage: { redis } }) {
      await redis.admin.config('SET', 'maxmemory', '1');
      return async () => {
        const said = await redis.admin.set('one more', '1').catch(String);
        await redis.admin.config('SET', 'maxmemory', '0');
        return said;
      };
    },
  },
  {
    id: 'F16',
    name: 'the password is wrong, until somebody puts it right',
    how: 'ACL SETUSER, CLIENT KILL',
    storage,
    expects: refuses,
    async begin({ storage: { redis }, app }) {
      const becomes = async (word: string): Promise<void> => {
        await redis.admin.acl('SETUSER', 'app', 'resetpass', `>${word}`);
        await redis.admin.client('KILL', 'USER', 'app');
      };
      await becomes('another');
      return async () => {
        await becomes(password);
        if (app.output().includes(password)) throw new Error('The password was printed.');
        return 'the password was printed nowhere';
      };
    },
  },
  {
    id: 'F16',
    name: 'the user may not run scripts any more',
    how: 'ACL SETUSER -@scripting',
    storage,
    expects: refuses,
    async begin({ storage: { redis } }) {
      await redis.admin.acl('SETUSER', 'app', '-@scripting');
      return async () => {
        await redis.admin.acl('SETUSER', 'app', '+@all');
        return 'NOPERM';
      };
    },
  },
  {
    id: 'F17',
    name: 'Redis wants a replica that is not there',
    how: 'min-replicas-to-write 1',
    storage,
    expects: refusesWrites,
    async begin({ storage: { redis } }) {
      await redis.admin.config('SET', 'min-replicas-to-write', '1');
      return async () => {
        const said = await redis.admin.set('one more', '1').catch(String);
        await redis.admin.config('SET', 'min-replicas-to-write', '0');
        return said;
      };
    },
  },
  {
    id: 'F18',
    name: 'all sessions are removed',
    how: 'FLUSHALL, three times',
    storage,
    lastsMs: 0,
    expects: goesOn,
    async begin({ storage: { redis }, load }) {
      for (let time = 0; time < 3; time += 1) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        await load.wipe(() => redis.admin.flushall());
      }
      return async () => 'three times';
    },
  },
  {
    id: 'F19',
    name: 'foreign values lie under the keys of sessions',
    how: 'RENAME, SET, LPUSH',
    storage,
    expects: (during) => refuses(during) ?? goesOn(during),
    async begin({ storage: { redis }, load }) {
      const bystanders = await load.bystanders(4);
      const keys = bystanders.map(({ handle }) => `session:${handle}`);
      for (const [at, key] of keys.entries()) {
        const foreign = redis.admin.multi().rename(key, `kept:${key}`);
        await (at % 2 === 0 ? foreign.set(key, 'foreign') : foreign.lpush(key, 'foreign')).exec();
      }
      return async () => {
        for (const [at, key] of keys.entries()) {
          const type = await redis.admin.type(key);
          if (type !== (at % 2 === 0 ? 'string' : 'list')) throw new Error(`${key} is of the type ${type} now.`);
          await redis.admin.rename(`kept:${key}`, key);
        }
        return `${keys.length} values, which were left alone`;
      };
    },
  },
];
