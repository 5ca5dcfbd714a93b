import type { Finding } from '@sess/core';
import type { Redis } from 'ioredis';
import type { Link } from './link.ts';
import { isCluster, mastersOf } from './redis-client.ts';

/** What is wrong with the servers, as far as they tell. */
export async function checkServers(link: Link, replicas: number | undefined): Promise<Finding[]> {
  const what = 'a look at its settings';
  const masters = await link.run({
    what,
    by: link.soon(),
    isRepeatable: true,
    send: async () => mastersOf(link.client),
  });
  const found = new Map<string, Finding>();
  for (const master of masters) {
    const info = parseInfo(await link.run({ what, by: link.soon(), isRepeatable: true, send: () => master.info() }));
    const savesSnapshots = await link.run({
      what,
      by: link.soon(),
      isRepeatable: true,
      send: () => hasSnapshots(master),
    });
    const skewMs = await link.run({ what, by: link.soon(), isRepeatable: true, send: () => clockSkew(master) });
    const cutOff = isCluster(link.client) ? [] : judgeReplication(info);
    for (const finding of [...judge(info, savesSnapshots, replicas), ...judgeClock(skewMs), ...cutOff])
      found.set(finding.code, finding);
  }
  return [...found.values()];
}

function parseInfo(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

/** Many hosted servers do not show their configuration: then nobody knows. */
async function hasSnapshots(master: Redis): Promise<boolean | undefined> {
  try {
    const answer: unknown = await master.config('GET', 'save');
    const save: unknown = Array.isArray(answer) ? answer[1] : undefined;
    return typeof save === 'string' ? save !== '' : undefined;
  } catch {
    return undefined;
  }
}

/** How far the server's clock is from ours, beyond what the time until the answer explains. */
async function clockSkew(master: Redis): Promise<number> {
  const sentAt = Date.now();
  try {
    const [seconds, microseconds] = await master.time();
    const serverNow = Number(seconds) * 1000 + Number(microseconds) / 1000;
    return serverNow - Math.min(Math.max(serverNow, sentAt), Date.now());
  } catch {
    // This user may not ask for the server's time: then nobody knows.
    return 0;
  }
}

/** Clocks that follow a time server drift less than this. */
const toleratedSkewMs = 5_000;

function judgeClock(skewMs: number): Finding[] {
  if (!(Math.abs(skewMs) > toleratedSkewMs)) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return [
    {
      code: 'REDIS_CLOCK',
      severity: 'warning',
      text: `The clock of the server is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this host's: one of the two is wrong. Idle timeouts are right all the same; the absolute timeout is judged by this host's clock.`,
      fix: 'Let both hosts follow a time server (NTP).',
    },
  ];
}

/** INFO names the good replicas only where `min-replicas-to-write` is set. A cluster's master stops by itself. */
function judgeReplication(info: Map<string, string>): Finding[] {
  if (Number(info.get('connected_slaves') ?? 0) === 0 || info.has('min_slaves_good_slaves')) return [];
  return [
    {
      code: 'REDIS_CUT_OFF',
      severity: 'note',
      text: 'The server has replicas, and min-replicas-to-write is not set: cut off from them it goes on as a master, and after a failover it does not know of new logins and logouts.',
      fix: 'Set min-replicas-to-write to 1, and min-replicas-max-lag to less than the time after which a failover begins. Then it answers nobody when its last replica is lost.',
    },
  ];
}

function judge(
  info: Map<string, string>,
  savesSnapshots: boolean | undefined,
  replicas: number | undefined,
): Finding[] {
  const findings: Finding[] = [];
  const version = info.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 2)) {
    findings.push({
      code: 'REDIS_VERSION',
      severity: 'error',
      text: `The server is Redis ${version || '(it does not say)'}; sessions need 6.2 or newer.`,
      fix: 'Update the server: Redis 6.2 or newer, or Valkey.',
    });
  }
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    findings.push({
      code: 'REDIS_EVICTION',
      severity: 'warning',
      text: `The eviction policy is ${policy}: when memory runs out Redis deletes live sessions, and their users are logged out.`,
      fix: 'Set maxmemory-policy to noeviction: then new logins fail when memory runs out, and nobody is logged out.',
    });
  }
  if (info.get('aof_enabled') === '0' && savesSnapshots === false) {
    findings.push({
      code: 'REDIS_PERSISTENCE',
      severity: 'note',
      text: 'The server keeps nothing on disk: a restart ends all sessions.',
      fix: 'Set appendonly to yes, unless that is what you want.',
    });
  }
  if (replicas !== undefined && Number(info.get('connected_slaves') ?? 0) < replicas) {
    findings.push({
      code: 'REDIS_REPLICAS',
      severity: 'error',
      text: `The server has ${info.get('connected_slaves') ?? 0} replicas and durability "replicated" waits for ${replicas}: nobody can log in or out.`,
      fix: 'Connect the replicas, or leave the option "durability" out.',
    });
  }
  return findings;
}
