import type { Building } from './built-app.ts';
import { type Protocol, byPage, byPath, bySvelteActions } from './recipe-deeds.ts';

/** An app of a page, whose framework builds it. */
export interface BuiltFramework extends Building {
  /** That of its row in the table of the checks. */
  readonly name: string;
  readonly page: string;
  /** A part of the page whose files take the place of those above it. */
  readonly heading?: string;
  readonly protocol: Protocol;
  /** Where the framework would hide a fault of the store. */
  readonly hides?: readonly string[];
}

const nest = { page: 'docs/frameworks/nestjs.md', protocol: byPath, start: ['dist/main.js'] } as const;
const nestProgram = '@nestjs/cli/bin/nest.js';
/** As its generator makes an app: ES modules. */
const nest12 = {
  ...nest,
  apps: ['nest'],
  generator: [nestProgram, 'new', 'app', '--directory', '.', '--skip-install', '--skip-git', '-p', 'npm'],
  commands: [[nestProgram, 'build']],
} as const;
/** As its generator makes an app: CommonJS, and settings of TypeScript that are less strict. */
const nest11 = {
  ...nest,
  apps: ['nest', 'nest-11'],
  modules: 'nest-11',
  commands: [['typescript/bin/tsc', '-p', 'tsconfig.build.json']],
} as const;
const onFastify = { heading: 'On Fastify', packages: ['core', 'fastify', 'redis'] } as const;

export const builtFrameworks: readonly BuiltFramework[] = [
  { ...nest12, name: 'NestJS 12, Express', packages: ['core', 'express', 'redis'] },
  { ...nest12, ...onFastify, name: 'NestJS 12, Fastify' },
  { ...nest11, name: 'NestJS 11, Express', packages: ['core', 'express', 'redis'] },
  { ...nest11, ...onFastify, name: 'NestJS 11, Fastify' },
  {
    name: 'SvelteKit',
    page: 'docs/frameworks/sveltekit.md',
    protocol: bySvelteActions,
    hides: ['/', '/__data.json'],
    apps: ['sveltekit'],
    packages: ['core', 'redis'],
    commands: [
      ['@sveltejs/kit/svelte-kit.js', 'sync'],
      ['typescript/bin/tsc', '--noEmit'],
      ['vite/bin/vite.js', 'build'],
    ],
    start: ['build'],
    // Without it the server takes the protocol for https.
    variables: { PROTOCOL_HEADER: 'x-forwarded-proto' },
  },
  {
    name: 'Astro',
    page: 'docs/frameworks/astro.md',
    protocol: byPage,
    hides: ['/'],
    apps: ['astro'],
    packages: ['core', 'redis'],
    commands: [
      ['astro/bin/astro.mjs', 'sync'],
      ['typescript/bin/tsc', '--noEmit'],
      ['astro/bin/astro.mjs', 'build'],
    ],
    start: ['dist/server/entry.mjs'],
  },
  {
    name: 'React Router',
    page: 'docs/frameworks/react-router.md',
    protocol: byPage,
    hides: ['/', '/_.data'],
    apps: ['react-router'],
    packages: ['core', 'redis'],
    commands: [
      ['@react-router/dev/bin.cjs', 'typegen'],
      ['typescript/bin/tsc', '--noEmit'],
      ['@react-router/dev/bin.cjs', 'build'],
    ],
    start: ['node_modules/@react-router/serve/bin.cjs', 'build/server/index.js'],
  },
  {
    name: 'Nuxt',
    page: 'docs/frameworks/nuxt.md',
    protocol: byPage,
    hides: ['/'],
    apps: ['nuxt'],
    packages: ['core', 'fs', 'redis'],
    commands: [
      ['nuxt/bin/nuxt.mjs', 'prepare'],
      ['typescript/bin/tsc', '--noEmit', '-p', '.nuxt/tsconfig.server.json'],
      ['nuxt/bin/nuxt.mjs', 'build'],
    ],
    start: ['.output/server/index.mjs'],
    alone: '.output',
  },
];
