import { type ReplaceOutcome, SessError, type SessionKey, type Successor } from '@sess/core';
import type { Broken } from './broken.ts';
import {
  type CreateCall,
  type Created,
  type DestroyCall,
  type Destroyed,
  type Found,
  HonestStore,
  type ReadCall,
  type SucceedCall,
  yielded,
} from './honest-store.ts';

/** Create, read and destroy that are not one atomic step, or do not do what they say. */
export const brokenVerbs: readonly Broken[] = [
  {
    mistake: 'destroy leaves no end marker',
    failsOn: 'the end marker > after destroy with a marker every worker reads it',
    Store: class NoEndMarker extends HonestStore {
      override async destroy(...[key, , by]: DestroyCall): Promise<Destroyed> {
        return super.destroy(key, {}, by);
      }
    },
  },
  {
    mistake: 'destroy leaves an end marker that nobody asked for',
    failsOn: 'the end marker > destroy leaves no marker when none was asked for',
    Store: class AlwaysEndMarker extends HonestStore {
      override async destroy(...[key, options, by]: DestroyCall): Promise<Destroyed> {
        return super.destroy(key, { ...options, endMarkerMs: options.endMarkerMs || 1000 }, by);
      }
    },
  },
  {
    mistake: 'destroy leaves an end marker only in place of a session',
    failsOn: 'the end marker > destroy leaves the marker that was asked for where nothing was stored',
    Store: class MarksSessionsOnly extends HonestStore {
      override async destroy(...[key, options, by]: DestroyCall): Promise<Destroyed> {
        return super.destroy(key, this.storage.live(key) ? options : {}, by);
      }
    },
  },
  {
    mistake: 'the end marker forgets the successor',
    failsOn: 'a succession > leaves an end marker, in which every worker reads the successor that was given',
    Store: class LosesSuccessors extends HonestStore {
      override end(key: SessionKey, endMarkerMs?: number): void {
        super.end(key, endMarkerMs);
      }
    },
  },
  {
    mistake: 'the end marker takes each successor for that of a rotation',
    failsOn: 'a succession > leaves an end marker, in which every worker reads the successor that was given',
    Store: class AlwaysRotated extends HonestStore {
      override end(key: SessionKey, endMarkerMs?: number, successor?: Successor): void {
        super.end(key, endMarkerMs, successor && { ...successor, by: 'rotated' });
      }
    },
  },
  {
    mistake: 'a succession ends the session whatever stands',
    failsOn: 'a succession > of an old version is a conflict, and the session lives',
    Store: class SucceedsBlindly extends HonestStore {
      override async succeed(...[key, , succession, by]: SucceedCall): Promise<ReplaceOutcome> {
        return super.succeed(key, this.storage.live(key)?.version, succession, by);
      }
    },
  },
  {
    mistake: 'a succession leaves its end marker where no session is',
    failsOn: 'a succession > where no session stands is gone, and leaves no end marker',
    Store: class MarksNothing extends HonestStore {
      override async succeed(...call: SucceedCall): Promise<ReplaceOutcome> {
        const [key, , { endMarkerMs, successor }] = call;
        const outcome = await super.succeed(...call);
        if (outcome.verdict === 'gone') this.end(key, endMarkerMs, successor);
        return outcome;
      }
    },
  },
  {
    mistake: 'destroy removes an end marker that stands',
    failsOn: 'the end marker > destroy under a marker answers it and leaves it as it is: nothing asked for changes it',
    Store: class RemovesMarkers extends HonestStore {
      override async destroy(...call: DestroyCall): Promise<Destroyed> {
        const destroyed = await super.destroy(...call);
        if (!call[1].endMarkerMs) this.storage.entries.delete(call[0]);
        return destroyed;
      }
    },
  },
  {
    mistake: 'destroy puts a new end marker in the place of one that stands',
    failsOn: 'the end marker > a marker that is asked for again stands for no longer',
    Store: class RenewsMarkers extends HonestStore {
      override async destroy(...call: DestroyCall): Promise<Destroyed> {
        const destroyed = await super.destroy(...call);
        if (call[1].endMarkerMs) this.end(call[0], call[1].endMarkerMs);
        return destroyed;
      }
    },
  },
  {
    mistake: 'destroy does not answer the end marker that stands',
    failsOn: 'the end marker > destroy under a marker answers it and leaves it as it is: nothing asked for changes it',
    Store: class HidesMarkers extends HonestStore {
      override async destroy(...call: DestroyCall): Promise<Destroyed> {
        const destroyed = await super.destroy(...call);
        return destroyed && 'ended' in destroyed ? undefined : destroyed;
      }
    },
  },
  {
    mistake: 'an end marker stands for what the session had left',
    failsOn: 'the end marker > a marker stands for its own time, not for what the session had left',
    Store: class MarksUntilDeadline extends HonestStore {
      override async destroy(...[key, options, by]: DestroyCall): Promise<Destroyed> {
        const leftMs = (this.storage.live(key)?.record.expiresAt ?? 0) - this.storage.clock();
        return super.destroy(
          key,
          { ...options, ...(options.endMarkerMs && leftMs > 0 && { endMarkerMs: leftMs }) },
          by,
        );
      }
    },
  },
  {
    mistake: 'destroy does not return the session',
    failsOn: 'create, read and destroy > destroy returns the record as it was last',
    Store: class DestroyReturnsNothing extends HonestStore {
      override async destroy(...call: DestroyCall): Promise<Destroyed> {
        await super.destroy(...call);
        return undefined;
      }
    },
  },
  {
    mistake: 'destroy reads the session, and removes it after that',
    failsOn: 'destroy against > destroy: one of them gets the record, and who meets an end marker meets that',
    Store: class ReadThenDestroy extends HonestStore {
      override async destroy(...call: DestroyCall): Promise<Destroyed> {
        const found = await this.read(call[0], call[2]);
        await super.destroy(...call);
        return found && 'record' in found ? found.record : found;
      }
    },
  },
  {
    mistake: 'destroy leaves the session',
    failsOn: 'create, read and destroy > after destroy no worker finds the session',
    Store: class DestroysNothing extends HonestStore {
      override end(): void {}
    },
  },
  {
    mistake: 'destroy removes a damaged record',
    failsOn: 'a torn record > destroy throws STORE_CORRUPT and leaves it as it was',
    Store: class DestroysDamage extends HonestStore {
      override async destroy(...call: DestroyCall): Promise<Destroyed> {
        if (this.isDamaged(call[0])) this.storage.entries.delete(call[0]);
        return super.destroy(...call);
      }
    },
  },
  {
    mistake: 'what was never stored is taken for ended',
    failsOn: 'create, read and destroy > reads undefined where nothing was stored',
    Store: class AbsentIsEnded extends HonestStore {
      override async read(...call: ReadCall): Promise<Found> {
        return (await super.read(...call)) ?? { ended: true };
      }

      override async destroy(...call: DestroyCall): Promise<Destroyed> {
        return (await super.destroy(...call)) ?? { ended: true };
      }
    },
  },
  {
    mistake: 'create writes over a live session',
    failsOn: 'create, read and destroy > create under a live key answers undefined and writes nothing',
    Store: class CreatesOverSessions extends HonestStore {
      override async create(...call: CreateCall): Promise<Created> {
        return (await super.create(...call)) ?? this.put(call[0], call[1]);
      }
    },
  },
  {
    mistake: 'create looks whether the key is free, and writes after that',
    failsOn: 'creators at the same time > one of them succeeds, and its session is the one that is stored',
    Store: class LookThenCreate extends HonestStore {
      override async create(...[key, record, by]: CreateCall): Promise<Created> {
        await this.enterOwner(record.owner, key);
        const found = await this.read(key, by);
        await yielded();
        return found === undefined ? this.put(key, record) : undefined;
      }
    },
  },
  {
    mistake: 'create takes an end marker for a free key',
    failsOn: 'the end marker > create under a marker answers undefined and writes nothing',
    Store: class CreatesOverMarkers extends HonestStore {
      override async create(...call: CreateCall): Promise<Created> {
        const entry = this.storage.entries.get(call[0]);
        if (entry && 'marker' in entry) this.storage.entries.delete(call[0]);
        return super.create(...call);
      }
    },
  },
  {
    mistake: 'an expired session still takes up its key',
    failsOn: 'the deadline > create under the key of an expired session succeeds, and nothing of the old one is left',
    Store: class BlockedByExpired extends HonestStore {
      override async create(...call: CreateCall): Promise<Created> {
        return this.storage.entries.has(call[0]) ? undefined : super.create(...call);
      }
    },
  },
  {
    mistake: 'what is late hangs',
    failsOn: 'a call whose time is over throws STORE_TIMEOUT or is carried out > read',
    Store: class Hangs extends HonestStore {
      override async read(...call: ReadCall): Promise<Found> {
        return call[1] < performance.now() ? new Promise(() => {}) : super.read(...call);
      }
    },
  },
  {
    mistake: 'what is late is taken for absence',
    failsOn: 'a call whose time is over throws STORE_TIMEOUT or is carried out > destroy',
    Store: class LateIsAbsent extends HonestStore {
      override async destroy(...call: DestroyCall): Promise<Destroyed> {
        return call[2] < performance.now() ? undefined : super.destroy(...call);
      }
    },
  },
  {
    mistake: 'what is late is called unavailable',
    failsOn: 'a call whose time is over throws STORE_TIMEOUT or is carried out > create',
    Store: class LateIsUnavailable extends HonestStore {
      override async reach(by: number): Promise<void> {
        if (by < performance.now()) throw new SessError('STORE_UNAVAILABLE', 'The storage cannot be reached.');
      }
    },
  },
];
