import { SessError, type SessErrorCode, isSessError } from '@sess/core';

interface Meaning {
  /** Somewhere in the server's answer: errors of scripts carry the code in the middle. */
  word: string;
  code: SessErrorCode;
  text: string;
}

const meanings: readonly Meaning[] = [
  {
    word: 'WRONGTYPE',
    code: 'STORE_CORRUPT',
    text: 'holds a value that is not a session under this key; it was left alone.',
  },
  {
    word: 'OOM ',
    code: 'STORE_FULL',
    text: 'is out of memory (maxmemory): reading and logging out still work, what grows is refused.',
  },
  { word: 'BUSY ', code: 'STORE_BUSY', text: "is busy with somebody's script." },
  {
    word: 'READONLY',
    code: 'STORE_UNAVAILABLE',
    text: 'is a read-only replica now: a failover is under way, or the address is that of a replica.',
  },
  { word: 'LOADING', code: 'STORE_UNAVAILABLE', text: 'is still loading its data from disk.' },
  { word: 'MASTERDOWN', code: 'STORE_UNAVAILABLE', text: 'is a replica that has lost its master.' },
  {
    word: 'CLUSTERDOWN',
    code: 'STORE_UNAVAILABLE',
    text: 'is a cluster that is down: too few of its masters can be reached.',
  },
  {
    word: 'MOVED ',
    code: 'STORE_UNAVAILABLE',
    text: 'is a node of a cluster: use redis+cluster:// or an ioredis Cluster. If you do, a slot is just moving.',
  },
  {
    word: 'CROSSSLOT',
    code: 'STORE_UNAVAILABLE',
    text: 'is a node of a cluster: use redis+cluster:// or an ioredis Cluster.',
  },
  { word: 'NOREPLICAS', code: 'STORE_UNAVAILABLE', text: 'has fewer replicas than min-replicas-to-write asks for.' },
  {
    word: 'MISCONF',
    code: 'STORE_UNAVAILABLE',
    text: 'cannot write to its disk and refuses changes (stop-writes-on-bgsave-error).',
  },
  { word: 'WRONGPASS', code: 'STORE_UNAVAILABLE', text: 'refuses the user name or password (WRONGPASS).' },
  { word: 'NOAUTH', code: 'STORE_UNAVAILABLE', text: 'asks for a password, and was given none (NOAUTH).' },
  {
    word: 'DB index is out of range',
    code: 'STORE_UNAVAILABLE',
    text: 'has no database of that number (`databases` in its configuration).',
  },
  {
    word: 'Failed to refresh slots cache',
    code: 'STORE_UNAVAILABLE',
    text: 'tells of no cluster that can be reached. A single server is redis://host:port.',
  },
  { word: 'NOPERM', code: 'STORE_UNAVAILABLE', text: "does not let this user do it: check the user's ACL." },
  {
    word: "can't run this command",
    code: 'STORE_UNAVAILABLE',
    text: "does not let this user do it: check the user's ACL.",
  },
  {
    word: 'subscriber mode',
    code: 'STORE_UNAVAILABLE',
    text: 'is asked over a client that is subscribed to channels: give the store one of its own, client.duplicate().',
  },
  { word: 'timed out', code: 'STORE_TIMEOUT', text: 'did not answer in time; the outcome of a write is unknown.' },
];

/** What ioredis says of a command that it did not send. */
const unsent = ["Stream isn't writeable", "Cluster isn't ready"];

export function wasNotSent(error: unknown): boolean {
  return error instanceof Error && unsent.some((start) => error.message.startsWith(start));
}

/** Whether an error says why there is no connection. The errors after one was given up do not. */
export function saysWhy(error: unknown): boolean {
  return !wasNotSent(error) && !(error instanceof Error && error.message.startsWith('Connection is closed'));
}

/** Whether a server answered this, or it is an error of the connection. */
export function isAnswer({ message }: Error): boolean {
  return meanings.some(({ word, code }) => code !== 'STORE_TIMEOUT' && message.includes(word));
}

/** Whether the server refused to change to the database of the address. */
export function isRefusedSelect(error: unknown): boolean {
  const command: unknown = error instanceof Error && 'command' in error ? error.command : undefined;
  return typeof command === 'object' && command !== null && 'name' in command && command.name === 'select';
}

/** Whether the server does not know the script, so that nothing was run. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT');
}

/** Every fault of ioredis and of the server, as one of ours. */
export function asSessError(error: unknown, server: string): SessError {
  if (isSessError(error)) return error;
  const message = error instanceof Error ? error.message : '';
  const meaning = meanings.find(({ word }) => message.includes(word));
  const { code, text } = meaning ?? { code: 'STORE_UNAVAILABLE', text: 'cannot be reached or refuses.' };
  return new SessError(code, `Redis (${server}) ${text}`, { cause: withoutArguments(error) });
}

/**
 * A copy that does not repeat what was sent: a server older than 6 answers our greeting with "unknown command 'hello',
 * with args beginning with: '3', 'AUTH', ..." and the password.
 */
export function withoutArguments(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('a value that is not an error was thrown');
  const message = error.message.replace(/,? with args beginning with:[\s\S]*/, '');
  const copy = new Error(message);
  copy.name = error.name;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  copy.stack = [`${error.name}: ${message}`, ...frames].join('\n');
  if ('code' in error && typeof error.code === 'string') Object.assign(copy, { code: error.code });
  return copy;
}

/** Whether it is what Redis answers to each command between MULTI and EXEC. No answer of ours looks like it. */
export function isQueued(answer: unknown): boolean {
  return answer === 'QUEUED' || (answer instanceof Buffer && answer.length === 6 && answer.toString() === 'QUEUED');
}

/** A user's client that is inside a transaction: what we send becomes a part of it, and is not answered. */
export function insideMulti(where: string): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    `The client of Redis (${where}) is inside a MULTI, so its commands are queued and not answered. ${ownClient}`,
  );
}

/** A user's client that was switched to another database, where there are other sessions or none. */
export function otherDatabase(where: string, database: number): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    `The client of Redis (${where}) was switched to database ${database} by SELECT. ${ownClient}`,
  );
}

const ownClient = 'Give the store a client of its own: redisStore({ client: client.duplicate() }).';

export function storeClosed(where: string): SessError {
  return new SessError('STORE_UNAVAILABLE', `The Redis store (${where}) is closed.`);
}

export function clientClosed(where: string): SessError {
  return new SessError('STORE_UNAVAILABLE', `The client of Redis (${where}) has been closed.`);
}

export function connectionLost(where: string): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    `The connection to Redis (${where}) was lost; the outcome of a write is unknown.`,
  );
}

/** A destroy was carried out, but nobody knows what it removed. */
export function answerLost(): SessError {
  return new SessError(
    'STORE_UNAVAILABLE',
    'The session is not there any more, but the connection was lost before Redis could hand back what it held.',
  );
}
