import { randomBytes } from 'node:crypto';
import { type Stats, linkSync, lstatSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { SessError } from '../errors.ts';
import { secretFingerprint } from './secret-fingerprint.ts';

export interface DevelopmentSecret {
  secret: string;
  /** Where it is from: this call made it, another process did so since this one began, or it was there before. */
  madeBy: 'us' | 'sibling' | 'earlier start';
}

/**
 * The secret of an app in development that was given none: made once and kept, so that all workers
 * of the host sign alike and a restart logs nobody out. Synchronous: this is start-up.
 *
 * @throws SessError `FS_DIRECTORY`
 */
export function developmentSecret(directory: string): DevelopmentSecret {
  const path = join(directory, 'development-secret');
  try {
    // What lies above may be entered by others, as where the store makes it.
    mkdirSync(dirname(directory), { mode: 0o755, recursive: true });
    mkdirSync(directory, { mode: 0o700, recursive: true });
    assertPrivate(dirname(directory), isSticky(dirname(directory)) ? 0 : 0o022);
    assertOwn(directory);
    assertPrivate(directory, 0o077);
    return readSecret(path) ?? makeSecret(path);
  } catch (error) {
    if (error instanceof SessError) throw error;
    throw refusal(path, `cannot be used: ${reasonOf(error)}`, error);
  }
}

/** The fingerprint of the secret that this folder's app had in development, if it was ever started without one. */
export function developmentFingerprint(directory: () => string): string | undefined {
  try {
    const kept = readSecret(join(directory(), 'development-secret'));
    return kept && secretFingerprint(kept.secret);
  } catch {
    // What cannot be read was no secret of ours.
    return undefined;
  }
}

/** A umask may close what this process makes to the process itself, and `EACCES` alone does not say so. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  const umask = process.umask();
  if ((umask & 0o700) === 0) return reason;
  return `${reason} (with the umask ${umask.toString(8)} this process may not use what it makes; umask 077 is right)`;
}

function readSecret(path: string): DevelopmentSecret | undefined {
  try {
    const { mtimeMs } = assertPrivate(path, 0o077);
    const secret = readFileSync(path, 'utf8').trim();
    if (secret.length < 32) throw refusal(path, 'holds no secret; remove it');
    return { secret, madeBy: mtimeMs >= performance.timeOrigin ? 'sibling' : 'earlier start' };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Of several workers that start at once, one makes the secret: `link` never replaces. */
function makeSecret(path: string): DevelopmentSecret {
  let isOurs = true;
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    isOurs = false;
  } finally {
    unlinkSync(draft);
  }
  const found = readSecret(path);
  if (found === undefined) throw refusal(path, 'was removed while it was made');
  return isOurs ? { ...found, madeBy: 'us' } : found;
}

/** What others could have put there, or can read, is not a secret. */
function assertPrivate(path: string, forbiddenMode: number): Stats {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) throw refusal(path, 'is a symbolic link');
  const uid = process.geteuid?.();
  if (uid !== undefined && stats.uid !== uid && stats.uid !== 0) throw refusal(path, 'belongs to another user');
  if (uid !== undefined && (stats.mode & forbiddenMode) !== 0) {
    const close = forbiddenMode === 0o022 ? 'chmod go-w' : 'chmod go=';
    throw refusal(path, `is open to other users (${close} ${path} closes it)`);
  }
  return stats;
}

/** Root's, which may lie above, is of no use here. */
function assertOwn(directory: string): void {
  const { uid } = lstatSync(directory);
  if (uid !== (process.geteuid?.() ?? uid)) throw refusal(directory, `belongs to another user (uid ${uid})`);
}

/** A directory such as /tmp, in which nobody can move what belongs to others. */
function isSticky(directory: string): boolean {
  return (lstatSync(directory).mode & 0o1000) !== 0;
}

function refusal(path: string, what: string, cause?: unknown): SessError {
  return new SessError(
    'FS_DIRECTORY',
    `The development secret cannot be kept: ${path} ${what}. Set SECRET_KEY, or SESSION_DIR to a directory of your own.`,
    { cause },
  );
}
