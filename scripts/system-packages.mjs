// What npm does not ship: a Redis server, PostgreSQL, a browser, a proxy, a tracer of system calls, a load generator.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './processes.mjs';

const redisServer = { name: 'redis-server', isThere: () => isOnPath('redis-server') };

const strace = { name: 'strace', isThere: () => isOnPath('strace') };

// Its programs are in a folder of each version, which is not on the path.
const postgres = {
  name: 'postgresql',
  isThere: () => isOnPath('initdb') || existsSync('/usr/lib/postgresql'),
};

export const forTests = [
  redisServer,
  postgres,
  { name: 'chromium', isThere: () => existsSync('/usr/bin/chromium') },
  { name: 'fonts-liberation', isThere: () => existsSync('/usr/share/fonts/truetype/liberation') },
  strace,
  { name: 'openssl', isThere: () => isOnPath('openssl') },
  // What cleans /tmp by age; where systemd is there it brings the same.
  { name: 'systemd-standalone-tmpfiles', isThere: () => isOnPath('systemd-tmpfiles') },
  // /usr/sbin is on the path of root alone.
  { name: 'nginx-light', isThere: () => isOnPath('nginx') || existsSync('/usr/sbin/nginx') },
];

export const forFaults = [redisServer, postgres, strace];

export const forBench = [redisServer, postgres, { name: 'wrk', isThere: () => isOnPath('wrk') }];

const isOnPath = (program) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));

const policy = '/usr/sbin/policy-rc.d';

/** Debian starts a service when it is installed. The tests start their own servers, so port 6379 stays free. */
async function withoutStartingServices(work) {
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return await work();
  } finally {
    if (isOurs) rmSync(policy);
  }
}

/** @returns {Promise<number>} 0 when everything is there */
export async function installSystemPackages(wanted) {
  const missing = wanted.filter(({ isThere }) => !isThere()).map(({ name }) => name);
  if (missing.length === 0) return 0;

  const install = ['install', '--no-install-recommends', '-y', ...missing];
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.error(`This needs ${missing.join(', ')}. On Debian or Ubuntu, run this line, then start it again:\n`);
    console.error(`  sudo apt-get update && sudo apt-get ${install.join(' ')}\n`);
    return 1;
  }

  console.log(`Installing ${missing.join(', ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  return withoutStartingServices(
    async () => (await run('apt-get', ['-q', 'update'], { env })) || run('apt-get', ['-q', ...install], { env }),
  );
}
