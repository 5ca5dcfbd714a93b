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

export const contestants: readonly Contestant[] = [
  bare,
  bareExpress,
  bareKoa,
  bareFastify,
  idealRedis,
  sessRedis,
  sessRedisUpdate,
  esRedis,
  koaSession,
  fastifyPeer,
  sessExpressRedis,
  esExpressRedis,
  rawFile,
  rawFiles,
  rawFilesInTurn,
  sessFiles,
  sessFilesFsync,
  esFiles,
  esFilesNoFsync,
  sessMemory,
  esMemory,
  sessCookie,
  sessCookieEncrypted,
  ironSession,
  cookieSessionPeer,
];

export function contestantNamed(name: string): Contestant {
  const found = contestants.find((contestant) => contestant.name === name);
  if (found === undefined) throw new Error(`There is no contestant "${name}".`);
  return found;
}
