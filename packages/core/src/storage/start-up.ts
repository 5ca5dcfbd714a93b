import { randomBytes } from 'node:crypto';

import type { BackendChoice } from './backend.ts';
import { type Environment, isProduction } from '../environment.ts';
import { SessError, isSessError } from '../errors.ts';
import type { GuardedStore } from './guarded-store.ts';
import type { Logger } from '../logger.ts';
import { type AppSecrets, noteApp } from './shared-storage.ts';
import type { SessionStore } from '../store.ts';
import { type Finding, type StoreDescription, hasAbility } from '../store-abilities.ts';
import { hasSiblings } from '../workers.ts';
import { tryStore } from './try-store.ts';

export interface StartUp {
  choice: BackendChoice;
  store: GuardedStore;
  logger: Logger;
  env: Environment;
  clock: () => number;
  secrets: AppSecrets;
  absoluteTimeoutMs: number;
  /** Whether the storage need not be tried again, since nobody will use it. */
  isClosing?: () => boolean;
}

/**
 * Tries the store with a real session, looks at its settings, and says in the log what is used.
 * @throws SessError what was tried and what to check
 */
export async function startUp(start: StartUp): Promise<void> {
  const { choice, store, logger, env, clock, isClosing = () => false } = start;
  let description: StoreDescription | undefined;
  let findings: readonly Finding[];
  try {
    description = await store.ask('describe', async (loaded) => describe(loaded));
    await probe(store, clock, isClosing);
    findings = [...(await findingsOf(store)), ...(await noteApp(store, start.secrets, start.absoluteTimeoutMs))];
  } catch (error) {
    // If files belong to another user, the store's own check explains that better than the probe's error.
    const refusal = description?.sharedBy === 'host' ? findingsOf(store) : Promise.resolve();
    throw notReady(choice, description, await refusal.then(() => error).catch((better: unknown) => better));
  }
  for (const line of announcement(choice, description)) logger.info(line);
  if (description?.sharedBy === 'host' && choice.source === 'default' && hasSiblings(env)) {
    logger.info(
      'Session hint: files are shared by the workers of this host. With several hosts, set SESSION_REDIS_URL or SESSION_DATABASE_URL.',
    );
  }
  reportFindings(findings, logger, env, description?.sharedBy === 'process' && !hasSiblings(env));
}

function describe(store: SessionStore): StoreDescription | undefined {
  return hasAbility(store, 'describe') ? store.describe() : undefined;
}

/** Where many processes start at once on a small host, some get a late answer from a healthy storage. */
const TRIES = 10;

async function probe(store: GuardedStore, clock: () => number, isClosing: () => boolean): Promise<void> {
  const key = randomBytes(32).toString('hex');
  for (let tries = 1; ; tries += 1) {
    try {
      return await probeOnce(store, key, clock());
    } catch (error) {
      const isLate = isSessError(error) && error.code === 'STORE_TIMEOUT';
      if (!isLate || tries === TRIES || isClosing()) throw error;
    }
  }
}

async function probeOnce(store: GuardedStore, key: string, now: number): Promise<void> {
  if (await store.ask('probe', probesItself)) return;
  await tryStore(store, key, now);
}

async function probesItself(store: SessionStore): Promise<boolean> {
  if (!hasAbility(store, 'probe')) return false;
  await store.probe();
  return true;
}

/** What to check, the store itself knows best. */
function notReady(choice: BackendChoice, description: StoreDescription | undefined, error: unknown): SessError {
  const where = description === undefined ? choice.name : `${description.name} at ${description.location}`;
  const why = error instanceof Error ? error.message : String(error);
  return new SessError(
    isSessError(error) ? error.code : 'STORE_UNAVAILABLE',
    `Session storage ${where} is not ready. ${choice.reason} ${why}`,
    { cause: error },
  );
}

/** The log lines that say what is used. */
export function announcement(choice: BackendChoice, description: StoreDescription | undefined): string[] {
  if (choice.name === 'cookie') return [`Session storage initialized: signed cookies (${choice.reason})`];
  if (description === undefined) return ['Session storage initialized: custom store'];
  if (description.name === 'fs')
    return ['Session storage initialized: filesystem', `Session directory: ${description.location}`];
  if (description.name === 'memory') return ['Session storage initialized: memory'];
  const source = choice.source === 'option' ? '' : `${choice.source}, `;
  return [`Session storage initialized: ${description.name} (${source}${description.location})`];
}

/** What the store says of itself. A check that fails is not a fault, unless a part of the directory is another user's. */
function findingsOf(store: GuardedStore): Promise<readonly Finding[]> {
  return store
    .ask('check', async (loaded) => (hasAbility(loaded, 'check') ? loaded.check() : []))
    .catch((error: unknown) => {
      if (isSessError(error) && error.code === 'FS_DIRECTORY') throw error;
      return [];
    });
}

function reportFindings(findings: readonly Finding[], logger: Logger, env: Environment, isAlone: boolean): void {
  for (const { severity, code, text, fix } of findings) {
    // The default directory is fine as long as nobody's login depends on it.
    const level = severity === 'note' && code === 'FS_TEMP' && isProduction(env) ? 'warning' : severity;
    if (level === 'note' || (isAlone && code === 'MEMORY_PER_PROCESS')) continue;
    logger[level === 'error' ? 'error' : 'warn'](`Session storage ${level} ${code}: ${text} ${fix}`);
  }
}
