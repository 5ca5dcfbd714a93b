import type { Contestant } from './contestant.ts';
import { bare, bareExpress, bareFastify, bareKoa } from './contestants/bare.ts';
import { esExpressRedis, esFiles, esFilesNoFsync, esMemory, esRedis } from './contestants/express-session.ts';
import { idealRedis, rawFile, rawFiles, rawFilesInTurn } from './contestants/ideal.ts';
import { cookieSessionPeer, fastifyPeer, ironSession, koaSession } from './contestants/others.ts';
import {
  sessCookie,
  sessCookieEncrypted,
  sessExpressRedis,
  sessFiles,
  sessFilesFsync,
  sessMemory,
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
}

/** How much of all is done. */
export interface Extent {
  isQuick: boolean;
  /** How many sessions lie in files, and in Redis at most. */
  fileSessions: readonly number[];
  redisSessions: number;
  /** Requests of the search for a leak. */
  requests: number;
  workers: readonly number[];
}

export const full: Extent = {
  isQuick: false,
  fileSessions: [10_000, 100_000, 1_000_000],
  redisSessions: 1_000_000,
  requests: 1_000_000,
  workers: [1, 2, 3, 4],
};

/** Two minutes: to see that all of it runs. */
export const quick: Extent = {
  isQuick: true,
  fileSessions: [10_000],
  redisSessions: 16_384,
  requests: 50_000,
  workers: [1, 4],
};

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
    contestants: [bareExpress, sessExpressRedis, esExpressRedis, bareKoa, koaSession, bareFastify, fastifyPeer],
    yardstick: esExpressRedis.name,
    rounds: 5,
  },
];

/** A round of what is most often looked at (a write reads as well): the figures say little, but all of it runs. */
export const quickGroups: readonly Group[] = groups
  .filter(({ title }) => title !== 'On frameworks')
  .map((group) => ({ ...group, rounds: 1, scenarios: group.scenarios.filter((name) => 'WNM'.includes(name)) }));
