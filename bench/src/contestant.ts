import type { RequestListener } from 'node:http';
import type { Data } from './data.ts';

/** Where a contestant keeps its sessions. */
export interface Place {
  redisUrl: string;
  /** For those who use it; there is a PostgreSQL only while they are measured. */
  postgresUrl: string;
  /** A directory of its own. */
  directory: string;
}

/** What a request asks for: the path of its URL. */
export type Act = 'read' | 'count' | 'anonymous' | 'login' | 'seed';

export interface Contestant {
  name: string;
  /** What is subtracted: the same server without sessions. */
  floor: string;
  start(place: Place): Promise<RunningContestant>;
}

export interface RunningContestant {
  listener: RequestListener;
  close?(): Promise<void>;
}

export const secret = 'a secret of the benchmark with more than 32 bytes';

/** Sessions last a day, everywhere. */
export const dayMs = 86_400_000;

export function actOf(url = '/'): Act {
  const end = url.indexOf('?');
  const name = end === -1 ? url.slice(1) : url.slice(1, end);
  if (name === 'read' || name === 'count' || name === 'login' || name === 'seed') return name;
  return 'anonymous';
}

/** How large a session `/seed?bytes=` asks for. */
export function seedBytes(url = '/'): number {
  return Number(new URL(url, 'http://bench').searchParams.get('bytes') ?? 300);
}

/** Reads one key. */
export function readOne(session: Data): string {
  return session.userId ?? 'nobody';
}

/** Counts once. */
export function countOne(session: Data): string {
  session.views = (session.views ?? 0) + 1;
  return String(session.views);
}

/** Logs in: a session with what one has after that. */
export const loggedIn: Data = { userId: '8b6f0d8e4c1a4f7e9d2b5a60', role: 'member', seen: 1_700_000_000_000 };
