import type { Contestant } from './contestant.ts';
import { bare, bareExpress, bareFastify, bareKoa } from './contestants/bare.ts';
import {
  esExpressRedis,
  esFiles,
  esFilesNoFsync,
  esMemory,
  esPostgres,
  esRedis,
} from './contestants/express-session.ts';
import { bareHono, honoSession, honoSessions, sessHono } from './contestants/hono.ts';
import { idealPostgres } from './contestants/ideal-postgres.ts';
import { idealRedis, rawFile, rawFiles, rawFilesInTurn } from './contestants/ideal.ts';
import { cookieSessionPeer, fastifyPeer, ironSession, koaSession } from './contestants/others.ts';
import {
  sessCookie,
  sessCookieEncrypted,
  sessExpressRedis,
  sessFastifyRedis,
  sessFiles,
  sessFilesFsync,
  sessMemory,
  sessPostgres,
  sessRedis,
  sessRedisUpdate,
} from './contestants/sess.ts';
import type { ScenarioName } from './scenario.ts';

/** Contestants that are measured in the same rounds. */
export interface Group {
  title: string;
  scenarios: readonly ScenarioName[];
  contestants: readonly Contestant[];
  /** What the others are compared with. */
  yardstick: string;
  rounds: number;
  /** Each contestant has freed a large buffer before, see free-something-large.ts. */
  hasFreed?: true;
  /** What keeps the sessions, whose CPU counts. @default 'redis' */
  server?: 'redis' | 'postgres';
}

/** How much of all is done. */
export interface Extent {
  isQuick: boolean;
  groups: readonly Group[];
  /** Whether growth is measured, too: with bytes, keys, sessions and workers. */
  hasGrowth: boolean;
  /** How many sessions lie in files, and in Redis at most. */
  fileSessions: readonly number[];
  redisSessions: number;
  /** Requests of the search for a leak. */
  requests: number;
  workers: readonly number[];
}

/** Six rounds are the fewest whose median has an interval that is 95 % sure. */
export const groups: readonly Group[] = [
  {
    title: 'Redis',
    scenarios: ['R', 'W', 'R64', 'W64', 'C'],
    contestants: [bare, idealRedis, sessRedis, esRedis],
    yardstick: idealRedis.name,
    rounds: 6,
  },
  {
    title: 'Redis, once a large buffer was freed',
    scenarios: ['R64', 'W64'],
    contestants: [bare, idealRedis, sessRedis, esRedis],
    yardstick: idealRedis.name,
    rounds: 6,
    hasFreed: true,
  },
  {
    title: 'Without a session',
    scenarios: ['N'],
    contestants: [bare, sessRedis, esRedis],
    yardstick: esRedis.name,
    // A difference of a microsecond or two needs more of them.
    rounds: 12,
  },
  {
    title: 'One session, 100 requests in flight',
    scenarios: ['M'],
    contestants: [bare, idealRedis, sessRedis, sessRedisUpdate, esRedis],
    yardstick: idealRedis.name,
    rounds: 6,
  },
  {
    title: 'PostgreSQL',
    scenarios: ['R', 'W', 'C'],
    contestants: [bare, idealPostgres, sessPostgres, esPostgres],
    yardstick: idealPostgres.name,
    rounds: 6,
    server: 'postgres',
  },
  {
    title: 'Files',
    scenarios: ['R', 'W'],
    contestants: [bare, rawFiles, rawFilesInTurn, rawFile, sessFiles, sessFilesFsync, esFiles, esFilesNoFsync],
    yardstick: rawFiles.name,
    rounds: 6,
  },
  {
    title: 'Cookies and memory',
    scenarios: ['R', 'W'],
    contestants: [bare, sessCookie, sessCookieEncrypted, ironSession, cookieSessionPeer, sessMemory, esMemory],
    yardstick: ironSession.name,
    rounds: 6,
  },
  {
    title: 'On frameworks',
    // A write reads as well.
    scenarios: ['W'],
    contestants: [bareExpress, sessExpressRedis, esExpressRedis, bareKoa, koaSession],
    yardstick: esExpressRedis.name,
    rounds: 5,
  },
  {
    title: 'On Hono, over its server for Node.js',
    scenarios: ['R', 'W'],
    contestants: [bareHono, sessHono, honoSession, honoSessions],
    yardstick: honoSession.name,
    rounds: 6,
  },
  {
    title: 'On Fastify',
    scenarios: ['R', 'W'],
    contestants: [bareFastify, sessFastifyRedis, fastifyPeer],
    yardstick: fastifyPeer.name,
    rounds: 6,
  },
];

/** A round of what is most often looked at (a write reads as well): the figures say little, but all of it runs. */
const quickGroups: readonly Group[] = groups
  .filter(({ title }) => !title.startsWith('On '))
  .map((group) => ({ ...group, rounds: 1, scenarios: group.scenarios.filter((name) => 'WNM'.includes(name)) }));

export const full: Extent = {
  isQuick: false,
  groups,
  hasGrowth: true,
  fileSessions: [10_000, 100_000, 1_000_000],
  redisSessions: 1_000_000,
  requests: 1_000_000,
  workers: [1, 2, 3, 4],
};

/** Two minutes: to see that all of it runs. */
export const quick: Extent = {
  isQuick: true,
  groups: quickGroups,
  hasGrowth: true,
  fileSessions: [10_000],
  redisSessions: 16_384,
  requests: 50_000,
  workers: [1, 4],
};

/** Of an extent, the groups whose title has this in it, and nothing else. */
export function only(part: string, extent: Extent): Extent {
  const wanted = part.toLowerCase();
  const chosen = extent.groups.filter(({ title }) => title.toLowerCase().includes(wanted));
  if (chosen.length === 0) {
    const titles = extent.groups.map(({ title }) => `  ${title}`).join('\n');
    throw new Error(`No group has '${part}' in its title. There are:\n${titles}`);
  }
  return { ...extent, groups: chosen, hasGrowth: false, fileSessions: [], workers: [] };
}
