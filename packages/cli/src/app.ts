import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SessionsOptions } from '@sess/core';
import { CommandError, exitCodes } from './exit-codes.ts';

/** Options of every command that looks at an app. */
export interface AppFlags {
  /** Files of environment variables. Not `--env-file`: Node 20 takes that for its own, wherever it stands. */
  env: readonly string[];
  config?: string;
}

/** The app that is looked at: the one whose folder this is. */
export interface App {
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  /** What the app passes to `createSessions`, as far as a configuration file says it. */
  options: SessionsOptions;
  /** Where the options are from. */
  config: string | undefined;
}

/** Looked for in the app's folder. */
const configNames = ['sess.config.mjs', 'sess.config.js'];

export async function readApp({ env: files, config }: AppFlags): Promise<App> {
  const folder = process.cwd();
  // As with `node --env-file`: what is set already wins, and of two files the later one.
  for (const file of files.toReversed()) loadEnvFile(file);
  const found = config ?? configNames.find((name) => existsSync(join(folder, name)));
  return {
    folder,
    env: process.env,
    options: found === undefined ? {} : await readOptions(resolve(folder, found), found),
    config: found,
  };
}

function loadEnvFile(file: string): void {
  try {
    process.loadEnvFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
    throw new CommandError(exitCodes.usage, `The file of --env cannot be read (${code}): ${file}`);
  }
}

async function readOptions(path: string, shown: string): Promise<SessionsOptions> {
  let loaded: unknown;
  try {
    loaded = await import(pathToFileURL(path).href);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(exitCodes.fault, `${shown} cannot be loaded: ${why}`);
  }
  const given: unknown = Reflect.get(Object(loaded), 'options') ?? Reflect.get(Object(loaded), 'default');
  if (isOptions(given)) return given;
  throw new CommandError(
    exitCodes.fault,
    `${shown} must export what your app passes to createSessions: export const options = { ... }`,
  );
}

/** An object will do: core checks what is in it, and names what is wrong. */
function isOptions(value: unknown): value is SessionsOptions {
  return typeof value === 'object' && value !== null;
}
