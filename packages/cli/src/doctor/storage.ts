import { randomBytes } from 'node:crypto';
import { lstatSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type BackendChoice,
  type Finding,
  SessError,
  type SessionStore,
  type StoreDescription,
  hasAbility,
  isSessError,
} from '@sess/core';
import {
  type BoundedStore,
  appStorage,
  developmentFingerprint,
  sessionDirectory,
  sharedWith,
  tryStore,
} from '@sess/core/internal';
import type { App } from '../app.ts';
import { goesWithContainer, isContainer } from '../container.ts';
import { soon } from '../patience.ts';
import { milliseconds } from '../quantities.ts';
import { foreignSentence, obstacleAbove, stateOf } from '../storage.ts';
import { errorFinding } from './error-finding.ts';

export interface StorageExamination {
  backend?: BackendChoice;
  description?: StoreDescription;
  /** Of one read: the median of several. Absent where the storage did not answer. */
  latencyMs?: number;
  /** How many findings the store has about itself. Absent where it does not look. */
  ownFindings?: number;
  findings: Finding[];
}

/** A store of somebody else's may have no bound of its own. */
const PATIENCE_MS = 10_000;

/** Above this each request with a session is slower by what people notice. */
const SLOW_MS = 100;

/**
 * Looks at the storage as the app does at its start, and at what the store has to say of itself.
 *
 * @param fingerprints of the app's secrets, by which it is told from another app; none where they are not known
 */
export async function examineStorage(app: App, fingerprints: readonly string[]): Promise<StorageExamination> {
  const examination: StorageExamination = { findings: [] };
  const { findings } = examination;
  let close = async (): Promise<void> => {};
  try {
    const storage = appStorage({ ...app.options, env: app.env }, app.folder);
    close = storage.close;
    examination.backend = storage.backend;
    if (storage.backend.name === 'cookie') {
      findings.push(inCookies(storage.backend));
      return examination;
    }
    const obstacle = storage.directory === undefined ? undefined : obstacleIn(storage.directory);
    if (obstacle !== undefined) {
      findings.push(obstacle);
      return examination;
    }
    if (storage.directory !== undefined && goesWithContainer(storage.directory, app.env))
      findings.push(inContainer(storage.directory));
    const store = await storage.open();
    close = async () => {
      await storage.close();
      // The configuration file made it for this command: what it holds open would keep the command from ending.
      if (app.options.store === store && hasAbility(store, 'close')) await store.close();
    };
    await examineStore(app, store, fingerprints, examination);
  } catch (error) {
    const { backend, description } = examination;
    findings.push(errorFinding(error, (description?.name ?? backend?.name) === 'fs'));
  } finally {
    await inTime(close()).catch(() => {});
  }
  return examination;
}

async function examineStore(
  app: App,
  store: SessionStore,
  fingerprints: readonly string[],
  examination: StorageExamination,
): Promise<void> {
  const { findings } = examination;
  if (hasAbility(store, 'describe')) examination.description = store.describe();
  // First: where another user's files are in the way, the store's own check says more than its verbs would.
  const own = await ownFindings(store);
  if (isSessError(own) && own.code === 'FS_DIRECTORY') throw own;
  if (own !== undefined && !(own instanceof Error)) {
    findings.push(...own.map((finding) => asLogged(finding, app)));
    examination.ownFindings = own.length;
  }
  if (hasAbility(store, 'noteApp')) {
    const apps = await inTime(store.notedApps()).catch(() => []);
    const development = developmentFingerprint(() => sessionDirectory(app.env, app.options.directory, app.folder));
    findings.push(...sharedWith(apps, { fingerprints, development }));
  }
  examination.latencyMs = await inTime(tried(store)).catch((error: unknown) => {
    throw own instanceof Error ? own : error;
  });
  if (own instanceof Error) findings.push(unchecked(own));
  if (examination.latencyMs > SLOW_MS) findings.push(slow(examination.latencyMs));
}

/** What the store says of itself, or why it cannot tell; `undefined` where it does not look. */
async function ownFindings(store: SessionStore): Promise<readonly Finding[] | Error | undefined> {
  if (!hasAbility(store, 'check')) return undefined;
  return inTime(store.check()).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
}

/** The default directory is a fine one until somebody's login depends on it: then the app logs it as a warning. */
function asLogged(finding: Finding, { env }: App): Finding {
  const isWarning = finding.code === 'FS_TEMP' && env['NODE_ENV']?.trim() === 'production';
  return isWarning ? { ...finding, severity: 'warning' } : finding;
}

/** Does what a login, a change and a logout do, and says how long a read takes: the median of five, in milliseconds. */
async function tried(store: SessionStore): Promise<number> {
  const bounded: BoundedStore = {
    create: (key, record) => store.create(key, record, soon()),
    read: (key) => store.read(key, soon()),
    replace: (key, version, next) => store.replace(key, version, next, soon()),
    destroy: (key, options = {}) => store.destroy(key, options, soon()),
  };
  const key = randomBytes(32).toString('hex');
  const tookMs: number[] = [];
  const owner = 'sess doctor';
  const whileStored = async (): Promise<void> => {
    for (let count = 0; count < 5; count += 1) {
      const started = performance.now();
      await bounded.read(key);
      tookMs.push(performance.now() - started);
    }
    // As "log out everywhere" does.
    if (hasAbility(store, 'keysByOwner')) for await (const _page of store.keysByOwner(owner));
  };
  await tryStore(bounded, key, Date.now(), { owner, whileStored });
  return tookMs.toSorted((a, b) => a - b)[2] ?? 0;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = pause(PATIENCE_MS, undefined, { signal: abort.signal }).then(() => {
    throw new SessError('STORE_TIMEOUT', `The session store did not answer within ${PATIENCE_MS / 1000} s.`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    abort.abort();
    late.catch(() => {});
    work.catch(() => {});
  }
}

/** What the doctor must not do is make the directory: as the wrong user, or in the wrong place, that does harm. */
function obstacleIn(directory: string): Finding | undefined {
  const found = stateOf(directory);
  const above = found.state === 'missing' ? obstacleAbove(directory) : undefined;
  if (above !== undefined) {
    const [text, fix] = isHidden(directory)
      ? [
          `The session directory ${directory} cannot be reached: this user (uid ${process.geteuid?.()}) may not enter ${above}, which belongs to uid ${statSync(above).uid}.`,
          isContainer()
            ? `Give the app a directory of its own user: RUN install -d -m 700 -o <user> <directory> in the Dockerfile, and SESSION_DIR=<directory>`
            : `As root: chmod o+x ${above}`,
        ]
      : [
          `The session directory ${directory} is not there, and this user may not make it in ${above}.`,
          isContainer()
            ? `Make it in the Dockerfile, before USER, or mount a volume of the app's user there: RUN install -d -m 700 -o <user> ${directory}`
            : `Make it once, as root, and give it to the app's user: install -d -m 700 -o <user> ${directory}`,
        ];
    return { code: 'FS_PARENT', severity: 'error', text, fix };
  }
  if (found.state === 'missing')
    return {
      code: 'FS_MISSING',
      severity: 'note',
      text: `The session directory ${directory} is not there. The app makes it when it starts; if the app is running, it uses another one.`,
      fix: "Run this in the app's folder, as the app's user and with its environment, after the app has started.",
    };
  if (found.state === 'foreign')
    return {
      code: 'FS_OTHER_USER',
      severity: 'error',
      text: foreignSentence(directory, found.uid),
      fix: 'If the app runs as you do, it cannot use this directory either: give it another one, or chown this one.',
    };
  return undefined;
}

/** Whether it may be there, behind a directory that this user may not enter. */
function isHidden(directory: string): boolean {
  try {
    lstatSync(directory);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES';
  }
}

function inContainer(directory: string): Finding {
  return {
    code: 'FS_CONTAINER',
    severity: 'warning',
    text: `The session directory ${directory} goes with its container: all users are logged out when that is replaced, and no other container sees these sessions.`,
    fix: 'Set SESSION_REDIS_URL; or, for containers of one host, mount one volume in all of them and name it: SESSION_DIR.',
  };
}

function inCookies({ reason }: BackendChoice): Finding {
  return {
    code: 'COOKIE_SESSIONS',
    severity: 'warning',
    text: `Nothing is stored: sessions are in signed cookies, where a logout cannot end a copied one. ${reason}`,
    fix: 'Fine for tests. Else unset the variable of the test runner, or give the app a store.',
  };
}

/** The sessions of the app work all the same. */
function unchecked({ message }: Error): Finding {
  return {
    code: 'STORE_UNCHECKED',
    severity: 'warning',
    text: `Sessions work, but the store cannot look at its own settings: ${message}`,
    fix: 'Give its user the rights that the README of its package names, then run this again.',
  };
}

function slow(latencyMs: number): Finding {
  return {
    code: 'STORE_SLOW',
    severity: 'warning',
    text: `Reading one session takes ${milliseconds(latencyMs)}, and every request that has one waits for it.`,
    fix: 'Bring the storage closer to the app, or find out what keeps it busy.',
  };
}
