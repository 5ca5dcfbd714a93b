import { type BackendChoice, isCookieSessions, selectBackend } from './backend.ts';
import { processEnvironment } from '../environment.ts';
import { SessError } from '../errors.ts';
import { isStore } from './load-store.ts';
import { sessionDirectory } from './session-directory.ts';
import { type SessionsOptions, checkOptions } from '../sessions-options.ts';
import type { SessionStore } from '../store.ts';
import { type StoreSource, storeSource } from './store-source.ts';

/** Where an app keeps its sessions, for a program that runs beside it. */
export interface AppStorage {
  /** What the app would choose, and why. */
  readonly backend: BackendChoice;
  /** Where files are, if these are chosen; it need not exist yet. */
  readonly directory?: string;
  /**
   * The store, as the app would have it, from the package that the app has.
   * @throws SessError `UNSUPPORTED` for cookie sessions, `STORE_PACKAGE_MISSING`, and what the store throws
   */
  open(): Promise<SessionStore>;
  /** Lets go of the store, unless it was given. */
  close(): Promise<void>;
}

/**
 * The storage that an app with these options uses, chosen as the app chooses it. Nothing is loaded,
 * made or connected before `open()`.
 *
 * @param folder the app's: its packages are looked for from there, and the default directory of files is named after it
 * @throws SessError `CONFIG_INVALID`
 */
export function appStorage(options: SessionsOptions, folder: string): AppStorage {
  checkOptions(options);
  const { store } = options;
  if (store !== undefined && !isCookieSessions(store) && !isStore(store))
    throw new SessError('CONFIG_INVALID', 'Option store must be a session store, or cookieSessions().');
  const env = options.env ?? processEnvironment();
  const backend = selectBackend({ env, store });
  let source: StoreSource | undefined;
  return {
    backend,
    ...(backend.name === 'fs' ? { directory: sessionDirectory(env, options.directory, folder) } : {}),
    async open() {
      if (backend.name === 'cookie')
        throw new SessError('UNSUPPORTED', `Sessions are kept by the browsers, in signed cookies. ${backend.reason}`);
      source ??= storeSource(backend, options, env, folder);
      return source.store;
    },
    async close() {
      await source?.release();
    },
  };
}
