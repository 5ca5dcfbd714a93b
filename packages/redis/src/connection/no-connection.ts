import { SessError } from '@sess/core';
import { type RedisClient, isCluster } from './redis-client.ts';
import { asSessError, isAnswer } from './redis-errors.ts';

/** Why a call found no connection: what the server has said, or what was last seen of it. */
export function noConnection(client: RedisClient, where: string, lastError: Error | undefined): SessError {
  if (lastError !== undefined && isAnswer(lastError)) return asSessError(lastError, where);
  const seen = lastError?.message.replace(/\.+$/, '') || seenOf(client.status);
  const isTls = !isCluster(client) && client.options.tls !== undefined;
  const advice = isTls
    ? 'Check that it runs, the address, and that it speaks TLS there'
    : 'Check that it runs, and the address';
  // Nothing was refused: the server is frozen or far away, or this host is busy.
  const isSilent = lastError === undefined ? isConnecting(client.status) : isTimeout(lastError);
  return new SessError(
    isSilent ? 'STORE_TIMEOUT' : 'STORE_UNAVAILABLE',
    `Redis (${where}) cannot be reached: ${seen}. ${advice}.`,
    {
      cause: lastError,
    },
  );
}

/** Why we have given up a connection ourselves. */
export function notAnsweredYet(): Error {
  return Object.assign(new Error('it has not answered yet'), { code: 'ETIMEDOUT' });
}

/**
 * Why there is no connection where the client saw no error: we hung up, or a proxy whose server is away accepts and closes.
 * Without it, what a call says would depend on whether its time is up while the client just tries again.
 */
export function connectionWasClosed(): Error {
  return new Error('the connection was closed');
}

/** `connect ETIMEDOUT`: a host that does not answer, or one that this process was too busy to hear. */
function isTimeout(error: Error): boolean {
  return 'code' in error && error.code === 'ETIMEDOUT';
}

function isConnecting(status: string): boolean {
  return status === 'connecting' || status === 'connect';
}

function seenOf(status: string): string {
  if (isConnecting(status)) return 'it has not answered yet';
  return status === 'end' ? 'the client has been closed' : 'there is no connection';
}
