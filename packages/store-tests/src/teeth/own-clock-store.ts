import type { SessionRecord } from '@sess/core';
import { type CreateCall, type Created, HonestStore } from './honest-store.ts';

/** The same for a storage that has its own clock: the hosts' clocks count only by their differences. */
export class OwnClockStore extends HonestStore {
  override async create(...[key, record, by]: CreateCall): Promise<Created> {
    return super.create(key, this.take(record), by);
  }

  override take(record: SessionRecord): SessionRecord {
    return { ...record, expiresAt: this.storage.clock() + record.expiresAt - record.touchedAt };
  }
}
