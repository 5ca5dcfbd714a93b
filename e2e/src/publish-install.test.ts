import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeGettingStarted } from './getting-started-suite.ts';
import type { Installer } from './install-app.ts';
import { describeInstalled } from './install-suite.ts';
import { describeTools } from './install-tools-suite.ts';
import { startRegistry } from './publish-registry.ts';
import { makeRelease, pnpmProgram } from './publish-release.ts';
import { type Released, describeContents, describePublishing } from './publish-suite.ts';

let released: Released;
let installer: Installer;
const cleanUps: (() => Promise<void> | void)[] = [];

/** The packages as they are here, versioned and published as a release does it, to a registry that lives as long as this. */
beforeAll(async () => {
  const pnpm = await pnpmProgram();
  const registry = await startRegistry();
  cleanUps.push(registry.stop);
  const release = await makeRelease(pnpm);
  cleanUps.push(release.dispose);
  const caches = mkdtempSync(join(tmpdir(), 'sess-caches-'));
  cleanUps.push(() => rmSync(caches, { recursive: true, force: true, maxRetries: 5 }));

  if (!release.hasChanges()) release.describeChange('A change, since there is none.', { '@sess/core': 'minor' });
  for (const done of [await release.version(), await release.publish(registry.publisherConfig)])
    if (!done.ok) throw new Error(done.output);
  released = { registry, release, version: release.packages()[0]?.version ?? '' };
  installer = { npmrc: registry.userConfig, pnpm, caches };
}, 400_000);

afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
}, 120_000);

describe('a package that was published', () => {
  describeContents(() => released);
});
describe('installed from the registry', () => {
  describeInstalled(() => installer);
  describeTools(() => installer);
  describeGettingStarted(() => installer);
});
describe('publishing', { timeout: 300_000 }, () => {
  describePublishing(() => released);
});
