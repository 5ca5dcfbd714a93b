import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { postgresProgram } from '@sess/postgres-server';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';

/** Where a result comes from. */
export interface Machine {
  processors: string;
  memoryGiB: number;
  system: string;
  node: string;
  redis: string;
  postgres: string;
  packages: Record<string, string>;
  loadBefore: number[];
}

const peers = ['express-session', 'connect-redis', 'redis', 'ioredis', 'session-file-store', 'koa', 'koa-session'];
const databases = ['pg', 'connect-pg-simple'];
const more = ['iron-session', 'cookie-session', 'fastify', '@fastify/session', 'express'];
const onHono = ['hono', '@hono/node-server', '@hono/session', 'hono-sessions'];

export function machine(): Machine {
  const list = cpus();
  return {
    processors: `${list.length} x ${list[0]?.model.trim() ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    redis: /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown',
    postgres:
      /[\d.]+/.exec(execFileSync(postgresProgram('postgres'), ['--version'], { encoding: 'utf8' }))?.[0] ?? 'unknown',
    packages: Object.fromEntries([...peers, ...databases, ...more, ...onHono].map((name) => [name, versionOf(name)])),
    loadBefore: loadavg().map((load) => Math.round(load * 10) / 10),
  };
}

function versionOf(name: string): string {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const path of paths) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(`${path}/${name}/package.json`, 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
    } catch {
      // Not in this folder.
    }
  }
  return 'unknown';
}
