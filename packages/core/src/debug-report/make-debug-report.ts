import cluster from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

import type { BackendChoice } from '../storage/backend.ts';
import { distFolder } from '../dist-folder.ts';
import type { DebugReport, DebugReportOptions, SessionReport } from './debug-report.ts';
import type { Engine } from '../exchange/engine.ts';
import { type Environment, variable } from '../environment.ts';
import { SessError, type SessErrorCode, isSessError } from '../errors.ts';
import type { GuardedStore } from '../storage/guarded-store.ts';
import { assertKnownOptions } from '../known-options.ts';
import { internalsOf } from '../session/session-object.ts';
import type { Session } from '../session/session.ts';
import { type StoreDescription, hasAbility } from '../store-abilities.ts';

/** What the report is made from. */
export interface ReportSource {
  readonly choice: BackendChoice;
  readonly engine: Engine;
  /** Absent for cookie sessions. */
  readonly store: GuardedStore | undefined;
  readonly fingerprints: readonly string[];
  readonly env: Environment;
}

/** @throws SessError `REPORT_FORBIDDEN` unless `isAllowed` is `true` itself; nothing was looked at then */
export async function makeDebugReport(source: ReportSource, options: DebugReportOptions): Promise<DebugReport> {
  // First of all: a call without options, or with a misspelt one, is a refusal too.
  if (options?.isAllowed !== true)
    throw new SessError(
      'REPORT_FORBIDDEN',
      'The session debug report is only for those whom the app allows: debugReport({ isAllowed }) takes true itself, and nothing else.',
    );
  assertKnownOptions('debugReport()', options, ['isAllowed', 'session']);
  const { choice, engine, store, fingerprints, env } = source;
  const worker = workerName(env);
  const core = coreVersion();
  return {
    at: engine.clock(),
    pid: process.pid,
    hostname: hostname(),
    ...(worker === undefined ? {} : { worker }),
    versions: { node: process.versions.node, ...(core === undefined ? {} : { core }) },
    backend: { ...choice },
    ...(store === undefined ? {} : await lookAt(store)),
    cookie: { ...engine.cookie, httpOnly: true },
    timeouts: { ...engine.timeouts },
    secrets: fingerprints.map((fingerprint) => ({ fingerprint })),
    ...(options.session === undefined ? {} : { session: reportOf(options.session) }),
  };
}

/** What the store says of itself, and the time of one read: of a key that nobody has, so no request has to wait for it. */
async function lookAt(
  store: GuardedStore,
): Promise<Required<Pick<DebugReport, 'store'>> & Pick<DebugReport, 'storage'>> {
  let storage: StoreDescription | undefined;
  try {
    storage = await store.ask('describe', async (loaded) =>
      hasAbility(loaded, 'describe') ? loaded.describe() : undefined,
    );
    const started = performance.now();
    await store.read(randomBytes(32).toString('hex'));
    const latencyMs = Math.round((performance.now() - started) * 1000) / 1000;
    return { ...(storage === undefined ? {} : { storage }), store: { latencyMs } };
  } catch (error) {
    return { ...(storage === undefined ? {} : { storage }), store: { error: codeOf(error) } };
  }
}

function reportOf(session: Session): SessionReport | { error: SessErrorCode } {
  const { host, state } = internalsOf(session);
  try {
    // From here on the answer depends on the cookie. A session that could not be opened has nothing to report.
    host.look();
  } catch (error) {
    return { error: codeOf(error) };
  }
  const handle = state.knownKey;
  const { createdAt, touchedAt, expiresAt } = state;
  const names = session.isNew ? [] : state.fields.storedKeys();
  const keys = names
    .map((name) => ({ name, bytes: Buffer.byteLength(state.fields.storedText(name) ?? '') }))
    .toSorted((a, b) => b.bytes - a.bytes);
  return {
    ...(handle === undefined ? {} : { handle }),
    isNew: session.isNew,
    createdAt,
    touchedAt,
    expiresAt,
    persistent: session.persistent,
    keys,
  };
}

function codeOf(error: unknown): SessErrorCode {
  return isSessError(error) ? error.code : 'STORE_UNAVAILABLE';
}

function workerName(env: Environment): string | undefined {
  // PM2 counts its instances; the ids of node:cluster are those of one primary.
  return variable(env, 'NODE_APP_INSTANCE') ?? variable(env, 'pm_id') ?? cluster.worker?.id.toString();
}

/** Absent where a bundler has left the package's files behind. */
function coreVersion(): string | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(distFolder, '..', 'package.json'), 'utf8'));
    const isOurs = typeof manifest === 'object' && manifest !== null && Reflect.get(manifest, 'name') === '@sess/core';
    return isOurs ? String(Reflect.get(manifest, 'version')) : undefined;
  } catch {
    return undefined;
  }
}
