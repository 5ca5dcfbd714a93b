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
  return new SessError('STORE_UNAVAILABLE', `Redis (${where}) cannot be reached: ${seen}. ${advice}.`, {
    cause: lastError,
  });
}

function seenOf(status: string): string {
  if (status === 'connecting' || status === 'connect') return 'it has not answered yet';
  return status === 'end' ? 'the client has been closed' : 'there is no connection';
}
