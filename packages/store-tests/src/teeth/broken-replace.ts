import type { ReplaceOutcome, SessionKey, SessionRecord } from '@sess/core';
import { comparable } from '../compare.ts';
import type { Broken } from './broken.ts';
import { HonestStore, type ReplaceCall, yielded } from './honest-store.ts';
import type { Kept } from './storage.ts';

const digest = (record: SessionRecord): string => JSON.stringify(comparable(record));

/** Replace that is not one atomic step, or does not do what it says. */
export const brokenReplace: readonly Broken[] = [
  {
    mistake: 'replace creates what is not there',
    failsOn: 'replace never creates > a changed text where nothing was stored is gone and writes nothing',
    Store: class Upserting extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const [key, , record, by] = call;
        const outcome = await super.rewrite(...call);
        const created = outcome.verdict === 'gone' ? await this.create(key, record, by) : undefined;
        return created ? { verdict: 'replaced', ...created } : outcome;
      }
    },
  },
  {
    mistake: 'replace writes whatever stands',
    failsOn: 'a version > that is old is a conflict: nothing is written, and what stands is told whole',
    Store: class LastWriteWins extends HonestStore {
      override isSame(): boolean {
        return true;
      }
    },
  },
  {
    mistake: 'replace compares, and writes after that',
    failsOn: 'writers at the same time > one of them replaces a version, the others are told what it wrote',
    Store: class CompareThenWrite extends HonestStore {
      override async rewrite(...[key, version, record, by]: ReplaceCall): Promise<ReplaceOutcome> {
        const isSame = this.storage.live(key)?.version === version;
        for (let turns = 0; turns < 4; turns++) await yielded();
        return super.rewrite(key, isSame ? this.storage.live(key)?.version : version, record, by);
      }
    },
  },
  {
    mistake: 'replace looks whether the session is there, and writes after that',
    failsOn: 'destroy against > a changed text: once destroy was answered nothing brings the session back',
    Store: class CheckThenWrite extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const [key, version, record] = call;
        if (this.storage.live(key)?.version !== version) return super.rewrite(...call);
        await this.enterOwner(record.owner, key);
        for (let turns = 0; turns < 4; turns++) await yielded();
        return { verdict: 'replaced', ...this.put(key, record) };
      }
    },
  },
  {
    mistake: 'an expired session is replaced all the same',
    failsOn: 'replace never creates > a touch at the deadline is gone, and brings nothing back',
    Store: class Revives extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const [key, version, record] = call;
        const entry = this.storage.entries.get(key);
        const isExpired = this.storage.find(key) === undefined && entry !== undefined && 'record' in entry;
        if (isExpired && entry.version === version) return { verdict: 'replaced', ...this.put(key, record) };
        return super.rewrite(...call);
      }
    },
  },
  {
    mistake: 'replace writes one part after the other',
    failsOn: 'readers among writers > see one complete state, and never an older one after a newer',
    Store: class PartByPart extends HonestStore {
      override async rewrite(...[key, version, record, by]: ReplaceCall): Promise<ReplaceOutcome> {
        const fields = this.storage.live(key)?.record.fields ?? {};
        const first = await super.rewrite(key, version, { ...record, fields }, by);
        return first.verdict === 'replaced' ? super.rewrite(key, first.version, record, by) : first;
      }
    },
  },
  {
    mistake: 'replace writes although it answers conflict',
    failsOn: 'a version > that is old is a conflict: nothing is written, and what stands is told whole',
    Store: class WritesOnConflict extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const [key, , record] = call;
        const outcome = await super.rewrite(...call);
        if (outcome.verdict === 'conflict') this.put(key, record);
        return outcome;
      }
    },
  },
  {
    mistake: 'a conflict still moves the deadline',
    failsOn: 'replace and the deadline > a conflict does not move the deadline',
    Store: class MovesTimesOnConflict extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const [key, , { expiresAt }] = call;
        const outcome = await super.rewrite(...call);
        const kept = this.storage.live(key);
        if (outcome.verdict === 'conflict' && kept) Object.assign(kept.record, { expiresAt });
        return outcome;
      }
    },
  },
  {
    mistake: 'replace takes a write that it knows for a success',
    failsOn: 'writers at the same time > a worker that sends one write twice at the same time writes it once',
    Store: class BelievesWriteIds extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const outcome = await super.rewrite(...call);
        if (outcome.verdict !== 'conflict') return outcome;
        const { record, version } = outcome.stored;
        return record.writeIds[0] === call[2].writeIds[0] ? { verdict: 'replaced', version } : outcome;
      }
    },
  },
  {
    mistake: 'another version is answered as gone',
    failsOn: 'a version > that a conflict told is good for the next replace',
    Store: class ConflictIsGone extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const outcome = await super.rewrite(...call);
        return outcome.verdict === 'conflict' ? { verdict: 'gone' } : outcome;
      }
    },
  },
  {
    mistake: 'a conflict tells what the worker would have written',
    failsOn: 'a version > that is old is a conflict: nothing is written, and what stands is told whole',
    Store: class TellsItsOwn extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const outcome = await super.rewrite(...call);
        if (outcome.verdict !== 'conflict') return outcome;
        return { verdict: 'conflict', stored: { ...outcome.stored, record: call[2] } };
      }
    },
  },
  {
    mistake: 'a conflict tells the version that it was given',
    failsOn: 'a version > that a conflict told is good for the next replace',
    Store: class TellsOldVersion extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const outcome = await super.rewrite(...call);
        if (outcome.verdict !== 'conflict') return outcome;
        return { verdict: 'conflict', stored: { ...outcome.stored, version: call[1] } };
      }
    },
  },
  {
    mistake: 'replace answers the version that it was given',
    failsOn: 'a version > of create and of each replace is good for the next replace',
    Store: class AnswersOldVersion extends HonestStore {
      override async rewrite(...call: ReplaceCall): Promise<ReplaceOutcome> {
        const outcome = await super.rewrite(...call);
        return outcome.verdict === 'replaced' ? { ...outcome, version: call[1] } : outcome;
      }
    },
  },
  {
    mistake: 'a version is a digest of the record',
    failsOn: 'a version > of a state does not come back with the same texts: A, B and A again',
    Store: class Digests extends HonestStore {
      override nameState(_key: SessionKey, record: SessionRecord): unknown {
        return digest(record);
      }
    },
  },
  {
    mistake: 'a record that is stored already is not written again',
    failsOn: 'a version > is a new one also where the same record is stored again',
    Store: class SkipsTheSame extends HonestStore {
      override nameState(key: SessionKey, record: SessionRecord): unknown {
        const kept = this.storage.live(key);
        return kept && digest(kept.record) === digest(record) ? kept.version : this.storage.nextVersion();
      }
    },
  },
  {
    mistake: 'the versions of each session are counted from 1',
    failsOn: 'a version > of a session that is over does not fit one that was created under its key after it',
    Store: class CountsFromOne extends HonestStore {
      override nameState(key: SessionKey): unknown {
        return Number(this.storage.live(key)?.version ?? 0) + 1;
      }
    },
  },
  {
    mistake: 'each read makes the versions that were read before useless',
    failsOn: 'a version > that was read stays good while the session stands as it is',
    Store: class VersionsOfReads extends HonestStore {
      override handOut(kept: Kept): ReturnType<HonestStore['handOut']> {
        kept.version = this.storage.nextVersion();
        return super.handOut(kept);
      }
    },
  },
];
