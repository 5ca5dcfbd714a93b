import { dirname } from 'node:path';
import { SessError, type SessionStore, type SessionsOptions } from '@sess/core';
import { appStorage } from '@sess/core/internal';

/** Cuts this process off from its store for so long. */
export type StoreSwitch = (forMs: number) => void;

/**
 * Stands between the library and the store that it has chosen, so that a button of the page can part them for some
 * seconds: the server or the directory itself may be in use by others. The library has one store of each kind in a
 * process, so the one that is changed here is the one that it asks.
 */
export async function storeSwitch(options: SessionsOptions): Promise<StoreSwitch> {
  const store = await appStorage(options, dirname(process.argv[1] ?? '')).open();
  const { create, read, replace, destroy } = store;
  let cutUntil = -Infinity;
  const orFail = (): void => {
    if (performance.now() < cutUntil)
      throw new SessError('STORE_UNAVAILABLE', 'The demo is cut off from its store for some seconds, as you asked.');
  };
  const switched: SessionStore = {
    async create(...args) {
      orFail();
      return create.apply(store, args);
    },
    async read(...args) {
      orFail();
      return read.apply(store, args);
    },
    async replace(...args) {
      orFail();
      return replace.apply(store, args);
    },
    async destroy(...args) {
      orFail();
      return destroy.apply(store, args);
    },
  };
  Object.assign(store, switched);
  return (forMs) => {
    cutUntil = performance.now() + forMs;
  };
}
