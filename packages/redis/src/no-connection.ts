import { SessError } from '@sess/core';
import { type RedisClient, isCluster } from './redis-client.ts';
import { asSessError, isAnswer } from './redis-errors.ts';

/** Why a call found no connection: what the server has said, or what was last seen of it. */
export function noConnection(client: RedisClient, where: string, lastError: Error | undefined): SessError {
  if (lastError !== undefined && isAnswer(lastError)) return asSessError(lastError, where);
  const seen = lastError?.message.replace(/\.+$/, '') || seenOf(client);
  const isTls = !isCluster(client) && client.options.tls !== undefined;
  const advice = isTls
    ? 'Check that it runs, the address, and that it speaks TLS there'
    : 'Check that it runs, and the address';
  // Nothing was refused: the server is frozen or far away, or this host is busy.
  const isSilent = lastError === undefined ? isConnecting(client) : isTimeout(lastError);
  return new SessError(
    isSilent ? 'STORE_TIMEOUT' : 'STORE_UNAVAILABLE',
    `Redis (${where}) cannot be reached: ${seen}. ${advice}.`,
    {
      cause: lastError,
    },
  );
}

function isConnecting({ status }: RedisClient): boolean {
  return status === 'connecting' || status === 'connect';
}

/** `connect ETIMEDOUT`: a host that does not answer, or one that this process was too busy to hear. */
function isTimeout(error: Error): boolean {
  return 'code' in error && error.code === 'ETIMEDOUT';
}

function seenOf(client: RedisClient): string {
  if (isConnecting(client)) return 'it has not answered yet';
  const { status } = client;
  return status === 'end' ? 'the client has been closed' : 'there is no connection';
}
