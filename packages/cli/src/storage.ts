import { type Stats, accessSync, constants, existsSync, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { type BackendChoice, type SessionStore, type StoreDescription, hasAbility } from '@sess/core';
import { appStorage } from '@sess/core/internal';
import type { App } from './app.ts';
import { asUser } from './container.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

/** The app's storage, opened. */
export interface Storage {
  store: SessionStore;
  backend: BackendChoice;
  description: StoreDescription | undefined;
  close(): Promise<void>;
}

/** Why a directory of sessions should not be opened from here, if so. */
export type DirectoryState = { state: 'usable' | 'missing' } | { state: 'foreign'; uid: number };

/**
 * Opening makes a directory that is missing. Made by another user than the app's it would be of no use to the app, so
 * this looks first.
 */
export function stateOf(directory: string): DirectoryState {
  const stats = statsIfAny(directory);
  if (stats === undefined) return { state: 'missing' };
  const user = process.geteuid?.();
  return user !== undefined && stats.isDirectory() && stats.uid !== user
    ? { state: 'foreign', uid: stats.uid }
    : { state: 'usable' };
}

function statsIfAny(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    // Not there, below a file, or behind a door that is closed to this user.
    return undefined;
  }
}

/** The directory in which it would have to be made, if this user may not write there. */
export function obstacleAbove(directory: string): string | undefined {
  let above = dirname(directory);
  while (!existsSync(above) && above !== dirname(above)) above = dirname(above);
  try {
    accessSync(above, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return above;
  }
}

/** Opens the storage that the app uses, for commands that work on its sessions. */
export async function openStorage(app: App): Promise<Storage> {
  const storage = appStorage({ ...app.options, env: app.env }, app.folder);
  if (storage.directory !== undefined) {
    const found = stateOf(storage.directory);
    if (found.state === 'missing')
      throw new CommandError(
        exitCodes.fault,
        `There is no session directory ${storage.directory} that this user can see. Run this in the app's folder, as the app's user, and with its environment (--env). ${storage.backend.reason}`,
      );
    if (found.state === 'foreign')
      throw new CommandError(exitCodes.fault, foreignSentence(storage.directory, found.uid));
  }
  const store = await storage.open();
  async function close(): Promise<void> {
    await storage.close();
    // The configuration file made it for this command: what it holds open would keep the command from ending.
    if (app.options.store === store && hasAbility(store, 'close')) await store.close();
  }
  const description = hasAbility(store, 'describe') ? store.describe() : undefined;
  if (description?.sharedBy === 'process') {
    await close();
    throw new CommandError(
      exitCodes.fault,
      `These sessions are in the memory of the app's own process (${description.name} store): from here nothing of them can be seen.`,
    );
  }
  return { store, backend: storage.backend, description, close };
}

export function foreignSentence(directory: string, uid: number): string {
  return `The session directory ${directory} belongs to another user (uid ${uid}). Run this as that user: ${asUser(uid, 'npx @sess/cli ...')}`;
}

/** For the line that says which storage is looked at. */
export function locationOf({ backend, description }: Pick<Storage, 'backend' | 'description'>): string {
  return description === undefined ? `${backend.name} store` : `${description.name}, ${description.location}`;
}
