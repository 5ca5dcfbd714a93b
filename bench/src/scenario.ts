/** A kind of request, and the sessions that it is made on. */
export interface Scenario {
  name: string;
  /** What it means, for the tables. */
  meaning: string;
  path: string;
  /** Sessions that are made before, and their size as JSON; 0: no cookie is sent. */
  sessions: number;
  bytes: number;
  connections: number;
}

export type ScenarioName = 'R' | 'W' | 'R64' | 'W64' | 'C' | 'N' | 'M';

const onMany: Pick<Scenario, 'sessions' | 'connections'> = { sessions: 1000, connections: 32 };
const onNone: Pick<Scenario, 'sessions' | 'bytes' | 'connections'> = { sessions: 0, bytes: 0, connections: 32 };

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  R: { name: 'R', meaning: 'read one key of a session of 300 B', path: '/read', bytes: 300, ...onMany },
  W: { name: 'W', meaning: 'count once in a session of 300 B', path: '/count', bytes: 300, ...onMany },
  R64: { name: 'R64', meaning: 'read one key of a session of 64 KB', path: '/read', bytes: 65_536, ...onMany },
  W64: { name: 'W64', meaning: 'count once in a session of 64 KB', path: '/count', bytes: 65_536, ...onMany },
  C: { name: 'C', meaning: 'log in', path: '/login', ...onNone },
  N: { name: 'N', meaning: 'anonymous, the session is not touched', path: '/', ...onNone },
  M: {
    name: 'M',
    meaning: 'count, 100 requests in flight on one session',
    path: '/count',
    sessions: 1,
    bytes: 300,
    connections: 100,
  },
};
