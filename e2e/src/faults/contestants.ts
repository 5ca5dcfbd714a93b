import { fileURLToPath } from 'node:url';
import { expressDemo } from '../express-demo.ts';
import { fastifyDemo } from '../fastify-demo.ts';
import { honoDemo } from '../hono-demo.ts';
import { koaDemo } from '../koa-demo.ts';
import { nextDemo } from '../next-demo.ts';
import type { Contestant } from './play-row.ts';
import type { StoreName } from './storage.ts';

export const express: Contestant = { name: 'Express', demo: expressDemo };

/** The demos of this project, each with its own adapter. */
export const ours: readonly Contestant[] = [
  express,
  { name: 'Koa', demo: koaDemo },
  { name: 'Fastify', demo: fastifyDemo },
  { name: 'Hono', demo: honoDemo },
  { name: 'Next', demo: nextDemo },
];

export interface Peer extends Contestant {
  readonly store: StoreName;
}

function peer(name: string, store: StoreName, file: string): Peer {
  // Always what was built: it is run by Node.js itself.
  const main = fileURLToPath(new URL(`../../dist/faults/peers/${file}.js`, import.meta.url));
  return {
    name,
    store,
    demo: { framework: name, command: 'npm run faults', main },
    rules: { isLenient: true },
    hasLogoutEverywhere: false,
  };
}

/** Other libraries, as their manuals recommend them. */
export const peers: readonly Peer[] = [
  peer('express-session, connect-redis', 'redis', 'express-session'),
  peer('koa-session', 'redis', 'koa-session'),
  peer('express-session, session-file-store', 'fs', 'express-session'),
  peer('express-session, connect-pg-simple', 'postgres', 'express-session'),
];
