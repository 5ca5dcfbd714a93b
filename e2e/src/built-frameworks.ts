import type { Building } from './built-app.ts';
import { type Protocol, byPath } from './recipe-deeds.ts';

/** An app of a page, whose framework builds it. */
export interface BuiltFramework extends Building {
  /** That of its row in the table of the checks. */
  readonly name: string;
  readonly page: string;
  /** A part of the page whose files take the place of those above it. */
  readonly heading?: string;
  readonly protocol: Protocol;
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

export const builtFrameworks: readonly BuiltFramework[] = [
  { ...nest12, name: 'NestJS 12', packages: ['core', 'express', 'redis'] },
  { ...nest11, name: 'NestJS 11', packages: ['core', 'express', 'redis'] },
];
