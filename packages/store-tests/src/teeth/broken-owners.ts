import type { OwnerPage, ReplaceOutcome, SessionKey, SessionRecord } from '@sess/core';
import type { Broken } from './broken.ts';
import { type CreateCall, type Created, HonestStore, type ReplaceCall, yielded } from './honest-store.ts';
import type { Storage } from './storage.ts';

/** An index that runs out by itself: until when, by key or for the owner as a whole. */
const keptUntil = new WeakMap<Storage, Map<string, number>>();

class EntriesOfFirstLifetime extends HonestStore {
  keepUntil(name: string, { touchedAt, expiresAt }: SessionRecord): void {
    const all = keptUntil.get(this.storage) ?? new Map<string, number>();
    keptUntil.set(this.storage, all.set(name, this.storage.clock() + 5 * (expiresAt - touchedAt)));
  }

  isKept(name: string): boolean {
    return this.storage.clock() < (keptUntil.get(this.storage)?.get(name) ?? Infinity);
  }

  override async create(...call: CreateCall): Promise<Created> {
    this.keepUntil(call[0], call[1]);
    return super.create(...call);
  }

  override async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
    for await (const page of super.keysByOwner(owner))
      yield { ...page, keys: page.keys.filter((key) => this.isKept(key)) };
  }
}

/** A store that writes the owners of its index in another way. */
const naming = (nameOf: (owner: string) => string): typeof HonestStore =>
  class extends HonestStore {
    override async enterOwner(owner: string | undefined, key: SessionKey): Promise<void> {
      return super.enterOwner(owner === undefined ? undefined : nameOf(owner), key);
    }

    override keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
      return super.keysByOwner(nameOf(owner));
    }
  };

/** The index of owners. */
export const brokenOwners: readonly Broken[] = [
  {
    mistake: 'the owner is entered after the session is stored',
    failsOn: 'the owner index, raced > holds a new session before the session can be read',
    Store: class IndexAfter extends HonestStore {
      override async enterOwner(): Promise<void> {}

      async enterLate(owner: string | undefined, key: SessionKey): Promise<void> {
        for (let turns = 0; turns < 8; turns++) await yielded();
        await super.enterOwner(owner, key);
      }

      override async create(...call: CreateCall): Promise<Created> {
        const created = await super.create(...call);
        await this.enterLate(call[1].owner, call[0]);
        return created;
      }

      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const outcome = await super.rewrite(...call);
        await this.enterLate(call[2].owner, call[0]);
        return outcome;
      }
    },
  },
  {
    mistake: 'replace does not enter the new owner',
    failsOn: 'keys by owner > follow a replace that gives the session an owner, or another one',
    Store: class IndexOnlyAtCreate extends HonestStore {
      override async rewrite(...[key, version, { owner, ...nobodys }, by]: ReplaceCall): Promise<ReplaceOutcome> {
        const outcome = await super.rewrite(key, version, nobodys, by);
        const kept = this.storage.live(key);
        if (outcome.verdict === 'replaced' && kept && owner !== undefined) Object.assign(kept.record, { owner });
        return outcome;
      }
    },
  },
  {
    mistake: 'the index holds one owner of a session, the last that was named',
    failsOn: 'keys by owner > still hold a session after a create under its key that failed',
    Store: class OneOwner extends HonestStore {
      override async enterOwner(owner: string | undefined, key: SessionKey): Promise<void> {
        for (const entries of this.storage.owners.values()) entries.delete(key);
        return super.enterOwner(owner, key);
      }
    },
  },
  {
    mistake: 'owners are compared without case',
    failsOn: 'keys by owner > "u" and "U" are two owners',
    Store: naming((owner) => owner.toLowerCase()),
  },
  {
    mistake: 'all owners have one list',
    failsOn: 'keys by owner > hold every live session of the owner, and no others',
    Store: naming(() => 'all'),
  },
  {
    mistake: 'an owner without sessions throws',
    failsOn: 'keys by owner > are none for an owner that nobody heard of',
    Store: class UnknownThrows extends HonestStore {
      override keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
        if (!this.storage.owners.has(owner)) throw new Error('There is no such owner.');
        return super.keysByOwner(owner);
      }
    },
  },
  {
    mistake: 'all keys of an owner are one page',
    failsOn: 'keys by owner > are shown in pages, all of them, also while some are forgotten and others written',
    Store: class OnePage extends HonestStore {
      override async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
        const keys: SessionKey[] = [];
        for await (const page of super.keysByOwner(owner)) keys.push(...page.keys);
        yield { keys, forget: (gone) => this.forget(owner, gone) };
      }
    },
  },
  {
    mistake: 'only the first page of keys is shown',
    failsOn: 'keys by owner > are shown in pages, all of them, also while some are forgotten and others written',
    Store: class FirstPage extends HonestStore {
      override async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
        const { value } = await super.keysByOwner(owner).next();
        if (value !== undefined) yield value;
      }
    },
  },
  {
    mistake: 'a page begins at a place, which moves when entries before it are forgotten',
    failsOn: 'keys by owner > are shown in pages, all of them, also while some are forgotten and others written',
    Store: class PagesByRank extends HonestStore {
      override async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
        for (let at = 0; ; at += 500) {
          const keys = [...(this.storage.owners.get(owner)?.keys() ?? [])].slice(at, at + 500);
          if (keys.length === 0) return;
          yield { keys, forget: (gone) => this.forget(owner, gone) };
        }
      }
    },
  },
  {
    mistake: 'young entries are forgotten',
    failsOn: 'forgetting keys of a page > keeps an entry that is younger than a minute',
    Store: class ForgetsYoung extends HonestStore {
      override async forget(owner: string, keys: readonly SessionKey[]): Promise<void> {
        for (const key of keys) this.storage.owners.get(owner)?.delete(key);
      }
    },
  },
  {
    mistake: 'nothing is forgotten',
    failsOn: 'forgetting keys of a page > drops an older entry whose session is gone, and only that',
    Store: class NeverForgets extends HonestStore {
      override async forget(): Promise<void> {}
    },
  },
  {
    mistake: 'an entry that is written again stays old',
    failsOn:
      'forgetting keys of a page > keeps an old entry that was written again: its session may be about to be stored',
    Store: class EntriesStayOld extends HonestStore {
      override async enterOwner(owner: string | undefined, key: SessionKey): Promise<void> {
        if (owner === undefined || this.storage.owners.get(owner)?.has(key)) return;
        await super.enterOwner(owner, key);
      }
    },
  },
  {
    mistake: 'an entry runs out by the lifetime that the session began with',
    failsOn: 'keys by owner > still hold a session whose lifetime grew',
    Store: EntriesOfFirstLifetime,
  },
  {
    mistake: 'the index of an owner runs out by the lifetime of the last session that was written',
    failsOn: 'keys by owner > still hold a session beside one of the same owner with a shorter life',
    Store: class IndexOfLastLifetime extends EntriesOfFirstLifetime {
      override keepUntil(_: string, record: SessionRecord): void {
        super.keepUntil('all', record);
      }

      override isKept(): boolean {
        return super.isKept('all');
      }

      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        this.keepUntil(call[0], call[2]);
        return super.rewrite(...call);
      }
    },
  },
];
