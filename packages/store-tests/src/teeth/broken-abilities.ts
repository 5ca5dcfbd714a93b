import type { SessionKey, StoreDescription, SweepReport } from '@sess/core';
import type { Broken } from './broken.ts';
import { HonestStore, yielded } from './honest-store.ts';
import type { Storage } from './storage.ts';

const sweeping = new WeakSet<Storage>();

/** Keys, sweeps and walks, and what the store says of itself. */
export const brokenAbilities: readonly Broken[] = [
  {
    mistake: 'any text is taken for a key',
    failsOn:
      'a session key is 64 lower case hex digits > a path upwards is rejected by every verb, and leaves nothing behind',
    Store: class TakesAnyKey extends HonestStore {
      override assertKey(): void {}
    },
  },
  {
    mistake: 'sweep removes what was expired when it looked',
    failsOn: 'sweep under way > a session created under the key of an expired one is not swept with it',
    Store: class LookThenSweep extends HonestStore {
      override async sweep(): Promise<SweepReport> {
        const keys = [...this.storage.entries.keys()];
        const over = keys.filter((key) => !this.isDamaged(key) && this.storage.find(key) === undefined);
        const kept = keys.filter((key) => this.isLive(key)).length;
        for (let turns = 0; turns < 8; turns++) await yielded();
        for (const key of over) this.storage.entries.delete(key);
        return { removed: over.length, kept };
      }
    },
  },
  {
    mistake: 'sweep removes damaged records',
    failsOn: 'damage > a sweep leaves it as it was and sweeps the rest',
    Store: class SweepsDamage extends HonestStore {
      override async sweep(): Promise<SweepReport> {
        for (const key of this.storage.entries.keys()) if (this.isDamaged(key)) this.storage.entries.delete(key);
        return super.sweep();
      }
    },
  },
  {
    mistake: 'sweep counts a lock of its own as a session',
    failsOn: 'sweep > finds nothing to do in an empty storage',
    Store: class CountsItsLock extends HonestStore {
      override async sweep(): Promise<SweepReport> {
        const { removed, kept } = await super.sweep();
        return { removed, kept: kept + 1 };
      }
    },
  },
  {
    mistake: 'a sweep throws while another one runs',
    failsOn: 'sweep > several sweeps at once do not fail and do no harm',
    Store: class SweepsAlone extends HonestStore {
      override async sweep(): Promise<SweepReport> {
        if (sweeping.has(this.storage)) throw new Error('Another sweep runs.');
        sweeping.add(this.storage);
        return super.sweep().finally(() => sweeping.delete(this.storage));
      }
    },
  },
  {
    mistake: 'walk shows expired sessions',
    failsOn: 'walk > shows neither expired nor destroyed sessions nor end markers',
    Store: class WalksExpired extends HonestStore {
      override isLive(key: SessionKey): boolean {
        const entry = this.storage.entries.get(key);
        return entry !== undefined && 'record' in entry;
      }
    },
  },
  {
    mistake: 'walk shows sessions twice, and an entry of the store itself',
    failsOn: 'walk > shows every session that is there all the time, none twice, while others come, change and go',
    Store: class WalksTwice extends HonestStore {
      override async *walk(): AsyncGenerator<SessionKey> {
        yield 'f'.repeat(64);
        yield* super.walk();
        yield* super.walk();
      }
    },
  },
  {
    mistake: 'all walks of a worker share one cursor',
    failsOn: 'walk > may be left early, and started again',
    Store: class OneCursor extends HonestStore {
      #keys: SessionKey[] = [];

      override async *walk(): AsyncGenerator<SessionKey> {
        if (this.#keys.length === 0) this.#keys = [...this.storage.entries.keys()];
        for (;;) {
          const key = this.#keys.shift();
          if (key === undefined) return;
          await yielded();
          if (this.isLive(key)) yield key;
        }
      }
    },
  },
  {
    mistake: 'walk throws when it meets damage',
    failsOn: 'damage > a walk goes on past it',
    Store: class WalksNoFurther extends HonestStore {
      override isLive(key: SessionKey): boolean {
        return this.storage.live(key) !== undefined;
      }
    },
  },
  {
    mistake: 'an ability is there that is not declared',
    failsOn: 'abilities > the store has the abilities that it declares, and declares those that it has',
    Store: class Describes extends HonestStore {
      describe(): StoreDescription {
        return { name: 'honest', location: 'here', sharedBy: 'process' };
      }
    },
  },
  {
    mistake: 'raw does not see what is stored',
    failsOn: 'damage > raw shows a stored session, and nothing where there is none',
    Store: class SeesNothing extends HonestStore {
      override raw(): unknown {
        return undefined;
      }
    },
  },
];
