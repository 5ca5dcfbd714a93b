import type { SessionKey } from '@sess/core';
import type { OpenStorage } from '../options.ts';
import type { HonestStore } from './honest-store.ts';
import { type Damaged, Storage } from './storage.ts';

/** Opens a storage for a test: the workers' stores, and the damage that can be planted. */
export function openWith(Store: typeof HonestStore, clock: () => number, instances: number): OpenStorage {
  const storage = new Storage(clock);
  const stores = Array.from({ length: instances }, () => new Store(storage));
  const plant = (code: Damaged['code']) => async (key: SessionKey) => void storage.entries.set(key, { code });
  return {
    stores,
    plant: {
      corrupt: plant('STORE_CORRUPT'),
      foreign: plant('STORE_CORRUPT'),
      tooNew: plant('STORE_TOO_NEW'),
      raw: async (key) => stores[0]?.raw(key),
    },
  };
}
