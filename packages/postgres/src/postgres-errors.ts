import { SessError, type SessErrorCode, isSessError } from '@sess/core';

const nothingWritten = 'nothing was written.';
const outcomeUnknown = 'the outcome of a write is unknown.';
const hangsUp = 'PostgreSQL, or a proxy before it, closes connections before they can be used';

/** What an SQLSTATE, or an error of the connection, means to a session. The longest beginning that is here counts. */
const meanings: Record<string, [SessErrorCode, string]> = {
  '22': ['STORE_UNAVAILABLE', 'cannot hold this text: the database needs the encoding UTF8.'],
  '25006': ['STORE_UNAVAILABLE', 'is read-only: a failover is under way, or default_transaction_read_only is on.'],
  '28': ['STORE_UNAVAILABLE', 'refuses the user name or password.'],
  '3D000': ['STORE_UNAVAILABLE', 'has no database of that name.'],
  '3F000': ['STORE_UNAVAILABLE', 'has no such schema. Run: npx @sess/cli migrate'],
  '42P01': ['STORE_UNAVAILABLE', 'has no table for sessions. Run: npx @sess/cli migrate'],
  '42501': [
    'STORE_UNAVAILABLE',
    'does not let this user do it. Let a user who may create tables run `npx @sess/cli migrate`, and grant this one SELECT, INSERT, UPDATE and DELETE on both tables.',
  ],
  '42': ['STORE_UNAVAILABLE', 'has a table of that name which is not of this store, or of another version of it.'],
  '53': ['STORE_BUSY', 'is short of memory or of connections (max_connections).'],
  '53100': ['STORE_FULL', 'has no room left on its disk.'],
  '55P03': ['STORE_TIMEOUT', `waits for a lock that someone else holds; ${nothingWritten}`],
  '57014': ['STORE_TIMEOUT', `cancelled the statement (statement_timeout); ${nothingWritten}`],
  '57P': ['STORE_UNAVAILABLE', 'is starting, stopping or recovering.'],
  ECONNREFUSED: ['STORE_UNAVAILABLE', 'refuses connections: it is not running, or not there.'],
};

const late: [SessErrorCode, string] = ['STORE_TIMEOUT', `did not answer in time; ${outcomeUnknown}`];
const unknown: [SessErrorCode, string] = ['STORE_UNAVAILABLE', `cannot be reached or refuses; ${outcomeUnknown}`];

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

/**
 * Every fault of pg and of the server, as one of ours.
 * @param isDoubtful an earlier copy of the statement may have been carried out
 */
export function asSessError(error: unknown, where: string, isDoubtful: boolean): SessError {
  const known = isSessError(error) ? error : translated(error, where);
  return isDoubtful && known.message.endsWith(nothingWritten) ? inDoubt(known) : known;
}

/** The same fault of a later statement, where an earlier one may have written. */
export function inDoubt(error: SessError): SessError {
  const { code, message } = error;
  if (message.endsWith(outcomeUnknown)) return error;
  const [what = message] = message.split(/; nothing was written\.$|\.$/);
  return new SessError(code, `${what}; ${outcomeUnknown}`, { cause: error });
}

export function isTimeout(error: unknown): boolean {
  return /timeout/i.test(messageOf(error)) || codeOf(error) === 'ETIMEDOUT';
}

function translated(error: unknown, where: string): SessError {
  const code = codeOf(error);
  const known = [code, code.slice(0, 3), code.slice(0, 2)].map((start) => meanings[start]).find(Boolean);
  const [ours, text] = known ?? (isTimeout(error) ? late : unknown);
  return new SessError(ours, `PostgreSQL (${where}) ${text}`, { cause: error });
}

/** Whether the server has answered and the connection is still good: not where it is lost, refuses, or has a transaction open. */
export function isAnswer(error: unknown): boolean {
  return /^(?!08|25|57P|58|XX)[0-9A-Z]{5}$/.test(codeOf(error)) && error instanceof Error && 'severity' in error;
}

/** Why another try may succeed. */
export type Passing = 'conflict' | 'lost' | 'pooler' | 'tables' | 'unsent';

const passing: Record<string, Passing> = {
  // A deadlock, or at a stricter level of isolation someone else was faster: nothing was done.
  '40001': 'conflict',
  '40P01': 'conflict',
  // The connection ended by itself: the statement was carried out, or it was not.
  '57P01': 'lost',
  '57P05': 'lost',
  ECONNRESET: 'lost',
  EPIPE: 'lost',
  // A prepared statement was left on another connection: a pooler hands out a new one for each transaction.
  '26000': 'pooler',
  '42P05': 'pooler',
  '3F000': 'tables',
  '42P01': 'tables',
};

export function passingReason(error: unknown): Passing | undefined {
  const message = messageOf(error);
  if (message === 'Connection terminated unexpectedly') return 'lost';
  // The connection was lent just when it ended, or ended while it was made.
  if (message.endsWith('is not queryable') || message.startsWith(hangsUp)) return 'unsent';
  // PgBouncer refuses the settings with which we begin a connection.
  if (message.startsWith('unsupported startup parameter')) return 'pooler';
  return passing[codeOf(error)];
}

export function standby(): SessError {
  const text = 'PostgreSQL is a standby here, which may lag behind: a failover is under way, or the address is wrong.';
  return new SessError('STORE_UNAVAILABLE', text);
}

/** A destroy may have been carried out, but nobody knows what it removed. */
export function answerLost(): SessError {
  const text = 'The connection to PostgreSQL was lost while the session was ended: what it held is not known.';
  return new SessError('STORE_UNAVAILABLE', text);
}

export function tooLate(): SessError {
  return new SessError('STORE_TIMEOUT', `PostgreSQL had no connection left in time; ${nothingWritten}`);
}

/** Why a connection could not be made: what ends then has carried nothing out, unlike one with a statement under way. */
export function notConnected(error: unknown): unknown {
  if (passingReason(error) !== 'lost') return error;
  return new SessError('STORE_UNAVAILABLE', `${hangsUp}; ${nothingWritten}`, { cause: error });
}

export function unanswered(): SessError {
  return new SessError('STORE_TIMEOUT', 'PostgreSQL did not answer a read in time.');
}

export function slipped(): SessError {
  return new SessError('STORE_UNAVAILABLE', 'PostgreSQL, or what is between, has answered another read than this one.');
}
