import type { HonestStore } from './honest-store.ts';

/** A store with a mistake that stores are known to make, and the test that has to fail for it. */
export interface Broken {
  Store: typeof HonestStore;
  mistake: string;
  failsOn: string;
  ownClock?: boolean;
}
