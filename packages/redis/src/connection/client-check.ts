import type { Finding } from '@sess/core';
import type { RedisClient } from './redis-client.ts';

/**
 * What a user's own client is set to that makes faults last longer. Calls are bounded and writes are safe with any
 * settings: these say what could be better, each by the name of its setting.
 */
export function checkClient(client: RedisClient): Finding[] {
  const node = 'redisOptions' in client.options ? client.options.redisOptions : client.options;
  const options = new Map<string, unknown>(Object.entries(node ?? {}));
  const findings: Finding[] = [];
  const warn = (setting: string, text: string, fix: string) =>
    findings.push({ code: 'REDIS_CLIENT', severity: 'warning', text: `The client's ${setting} ${text}`, fix });

  if (options.get('socketTimeout') === undefined) {
    warn(
      'socketTimeout',
      'is not set: a half-open connection is noticed after many minutes.',
      'Set socketTimeout: 1500.',
    );
  }
  if (options.get('autoResendUnfulfilledCommands') !== false) {
    warn(
      'autoResendUnfulfilledCommands',
      'is on: it sends unanswered writes again. The store makes that harmless for sessions, not for your own commands.',
      'Set autoResendUnfulfilledCommands: false.',
    );
  }
  const retries = options.get('maxRetriesPerRequest');
  if (retries === null || retries === undefined || Number(retries) > 3) {
    warn('maxRetriesPerRequest', 'lets commands wait through many reconnects.', 'Set maxRetriesPerRequest: 1.');
  }
  if (Number(options.get('connectTimeout') ?? 10_000) > 2000) {
    warn('connectTimeout', 'is long: a host that does not answer is given up late.', 'Set connectTimeout: 1000.');
  }
  if (options.get('commandTimeout') === undefined) {
    warn(
      'commandTimeout',
      'is not set: the greeting of a frozen server is waited for without end.',
      'Set commandTimeout: 1000.',
    );
  }
  if (!client.isCluster && typeof options.get('reconnectOnError') !== 'function') {
    warn(
      'reconnectOnError',
      'is not set: after a failover it stays with the old master, where writes fail.',
      "Set reconnectOnError: (error) => (error.message.includes('READONLY') ? 1 : false).",
    );
  }
  return findings;
}
