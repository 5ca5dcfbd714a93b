import type { OwnerPage, SessionChange, SessionKey, SessionRecord, SweepReport, UpdateVerdict } from '@sess/core';
import type { Broken } from './broken.ts';
import { HonestStore, type Storage, yielded } from './honest-store.ts';

class TakesAnyKey extends HonestStore {
  override assertKey(): void {}
}

class IndexAfter extends HonestStore {
  override async create(key: SessionKey, { owner, ...nobodys }: SessionRecord): Promise<boolean> {
    const created = await super.create(key, nobodys);
    const stored = this.storage.live(key);
    if (created && stored && owner !== undefined) stored.owner = owner;
    for (let turns = 0; turns < 8; turns++) await yielded();
    await this.enterOwner(owner, key);
    return created;
  }
}

class IndexIgnoresUpdates extends HonestStore {
  override async update(key: SessionKey, { owner, ...rest }: SessionChange): Promise<UpdateVerdict> {
    const verdict = await super.update(key, rest);
    const stored = this.storage.live(key);
    if (verdict === 'applied' && stored && typeof owner === 'string') stored.owner = owner;
    return verdict;
  }
}

class CaselessOwners extends HonestStore {
  override async enterOwner(owner: string | null | undefined, key: SessionKey): Promise<void> {
    return super.enterOwner(owner?.toLowerCase(), key);
  }

  override keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
    return super.keysByOwner(owner.toLowerCase());
  }
}

class OnePage extends HonestStore {
  override async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
    const keys: SessionKey[] = [];
    for await (const page of super.keysByOwner(owner)) keys.push(...page.keys);
    yield { keys, forget: (gone) => this.forget(owner, gone) };
  }
}

class FirstPage extends HonestStore {
  override async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
    for await (const page of super.keysByOwner(owner)) {
      yield page;
      return;
    }
  }
}

class PagesByRank extends HonestStore {
  override async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
    for (let at = 0; ; at += 500) {
      const keys = [...(this.storage.owners.get(owner)?.keys() ?? [])].slice(at, at + 500);
      if (keys.length === 0) return;
      yield { keys, forget: (gone) => this.forget(owner, gone) };
    }
  }
}

class ForgetsYoung extends HonestStore {
  override async forget(owner: string, keys: readonly SessionKey[]): Promise<void> {
    for (const key of keys) this.storage.owners.get(owner)?.delete(key);
  }
}

class NeverForgets extends HonestStore {
  override async forget(): Promise<void> {}
}

class EntriesStayOld extends HonestStore {
  override async enterOwner(owner: string | null | undefined, key: SessionKey): Promise<void> {
    if (typeof owner === 'string' && this.storage.owners.get(owner)?.has(key)) return;
    await super.enterOwner(owner, key);
  }
}

/** Entries that expire by themselves, each at its instant. */
const keptUntil = new WeakMap<Storage, Map<SessionKey, number>>();

class EntriesOfFirstLifetime extends HonestStore {
  keepEntry(key: SessionKey, { touchedAt, expiresAt }: { touchedAt: number; expiresAt: number }): void {
    const all = keptUntil.get(this.storage) ?? new Map<SessionKey, number>();
    keptUntil.set(this.storage, all.set(key, this.storage.clock() + 5 * (expiresAt - touchedAt)));
  }

  override async create(key: SessionKey, record: SessionRecord): Promise<boolean> {
    this.keepEntry(key, record);
    return super.create(key, record);
  }

  override async *keysByOwner(owner: string): AsyncGenerator<OwnerPage> {
    const isKept = (key: SessionKey) => this.storage.clock() < (keptUntil.get(this.storage)?.get(key) ?? Infinity);
    for await (const page of super.keysByOwner(owner)) yield { ...page, keys: page.keys.filter(isKept) };
  }
}

class EntriesOfLastLifetime extends EntriesOfFirstLifetime {
  override async update(key: SessionKey, change: SessionChange): Promise<UpdateVerdict> {
    this.keepEntry(key, change);
    return super.update(key, change);
  }
}

class LookThenSweep extends HonestStore {
  override async sweep(): Promise<SweepReport> {
    const keys = [...this.storage.entries.keys()];
    const isOver = (key: SessionKey) => !this.isDamaged(key) && this.storage.find(key) === undefined;
    const over = keys.filter((key) => isOver(key));
    const kept = keys.filter((key) => this.isLive(key)).length;
    for (let turns = 0; turns < 8; turns++) await yielded();
    for (const key of over) this.storage.entries.delete(key);
    return { removed: over.length, kept };
  }
}

class SweepsDamage extends HonestStore {
  override async sweep(): Promise<SweepReport> {
    for (const key of this.storage.entries.keys()) if (this.isDamaged(key)) this.storage.entries.delete(key);
    return super.sweep();
  }
}

class WalksExpired extends HonestStore {
  override isLive(key: SessionKey): boolean {
    const entry = this.storage.entries.get(key);
    return entry !== undefined && 'fields' in entry;
  }
}

/** Keys, owners, sweeps and walks. */
export const brokenAbilities: readonly Broken[] = [
  {
    Store: TakesAnyKey,
    mistake: 'any text is taken for a key',
    failsOn:
      'a session key is 64 lower case hex digits > a path upwards is rejected by every verb, and leaves nothing behind',
  },
  {
    Store: IndexAfter,
    mistake: 'the owner is entered after the session is stored',
    failsOn: 'the owner index, raced > holds a new session before the session can be read',
  },
  {
    Store: IndexIgnoresUpdates,
    mistake: 'update does not enter the new owner',
    failsOn: 'keys by owner > follow an update that gives the session an owner, or another one',
  },
  {
    Store: CaselessOwners,
    mistake: 'owners are compared without case',
    failsOn: 'keys by owner > "u" and "U" are two owners',
  },
  {
    Store: OnePage,
    mistake: 'all keys of an owner are one page',
    failsOn: 'keys by owner > are shown in pages, all of them, also while some are forgotten and others written',
  },
  {
    Store: FirstPage,
    mistake: 'only the first page of keys is shown',
    failsOn: 'keys by owner > are shown in pages, all of them, also while some are forgotten and others written',
  },
  {
    Store: PagesByRank,
    mistake: 'a page begins at a place, which moves when entries before it are forgotten',
    failsOn: 'keys by owner > are shown in pages, all of them, also while some are forgotten and others written',
  },
  {
    Store: ForgetsYoung,
    mistake: 'young entries are forgotten',
    failsOn: 'forgetting keys of a page > keeps an entry that is younger than a minute',
  },
  {
    Store: NeverForgets,
    mistake: 'nothing is forgotten',
    failsOn: 'forgetting keys of a page > drops an older entry whose session is gone, and only that',
  },
  {
    Store: EntriesStayOld,
    mistake: 'an entry that is written again stays old',
    failsOn:
      'forgetting keys of a page > keeps an old entry that was written again: its session may be about to be stored',
  },
  {
    Store: EntriesOfFirstLifetime,
    mistake: 'an entry runs out by the lifetime that the session began with',
    failsOn:
      'keys by owner > still hold a session after a lifetime that grew without naming the owner, by its settings',
  },
  {
    Store: EntriesOfLastLifetime,
    mistake: 'an entry runs out by the lifetime of the last touch',
    failsOn: 'keys by owner > still hold a session after a touch with a shorter lifetime, which leaves its deadline',
  },
  {
    Store: LookThenSweep,
    mistake: 'sweep removes what was expired when it looked',
    failsOn: 'sweep under way > a session created under the key of an expired one is not swept with it',
  },
  {
    Store: SweepsDamage,
    mistake: 'sweep removes damaged records',
    failsOn: 'damage > a sweep leaves it as it was and sweeps the rest',
  },
  {
    Store: WalksExpired,
    mistake: 'walk shows expired sessions',
    failsOn: 'walk > shows neither expired nor destroyed sessions nor end markers',
  },
];
