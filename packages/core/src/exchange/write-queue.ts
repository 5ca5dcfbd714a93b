import { AsyncResource } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';

import { ChangeDraft, isEmpty } from './change-draft.ts';
import { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import type { FieldChanges } from '../session/fields.ts';
import type { SessionChange, SessionKey, SessionStore, UpdateVerdict } from '../store.ts';
import { type KeyedWork, WorkByKey } from '../work-by-key.ts';
import type { Write, WriteTimes } from './write.ts';

/** `gone`, or what the store holds now: for an update, the field's new text. */
export type WriteOutcome = { gone: true } | { gone: false; text: string | undefined };

interface Waiting {
  write: Write;
  resolve(outcome: WriteOutcome): void;
  reject(error: unknown): void;
}

const nothingKnown: ReadonlyMap<string, string | undefined> = new Map();

/** A write that keeps losing against other processes gives up after this long; its caller's deadline comes first. */
const GIVE_UP_AFTER_MS = 2_000;

/**
 * The writers of one session inside this process, one behind the other. While a write is under way
 * the next ones gather, and go out together as one: 200 parallel counts are a few writes, not
 * thousands of lost comparisons.
 */
class WriteQueue implements KeyedWork {
  readonly key: SessionKey;
  after: this | undefined;
  readonly store: SessionStore;
  readonly #queues: WorkByKey<WriteQueue>;
  #waiting: Waiting[] | undefined;
  /** Texts that this process wrote or read last: fresher, as a rule, than what a request read. */
  #known: ReadonlyMap<string, string | undefined> = nothingKnown;

  constructor(store: SessionStore, key: SessionKey, queues: WorkByKey<WriteQueue>) {
    this.store = store;
    this.key = key;
    this.#queues = queues;
  }

  /** The first write, at once. Most are alone and compare nothing: the change is what the write says. */
  begin(write: Write): Promise<WriteOutcome> {
    if (write.update !== undefined) {
      this.#queues.add(this);
      const outcome = this.add(write);
      void this.#run();
      return outcome;
    }
    const { times, fields } = write;
    const change = fields === undefined ? times : changeOf(times, fields);
    const updating = this.store.update(this.key, change);
    this.#queues.add(this);
    return updating.then(
      (verdict) => {
        // Whoever came meanwhile is given what the store holds now.
        if (verdict === 'applied' && this.#waiting !== undefined && fields !== undefined) this.#known = textsOf(fields);
        void this.#run();
        if (verdict === 'conflict')
          throw new SessError('STORE_UNAVAILABLE', 'The store compared where nothing was asked.');
        return verdict === 'gone' ? { gone: true } : { gone: false, text: undefined };
      },
      (error: unknown) => {
        void this.#run();
        throw error;
      },
    );
  }

  /** Another one gathers. Its function is the app's, and runs in its own request's context. */
  join(write: Write): Promise<WriteOutcome> {
    const { times, fields, update } = write;
    if (update === undefined) return this.add(write);
    return this.add({ times, fields, update: { ...update, revise: AsyncResource.bind(update.revise) } });
  }

  add(write: Write): Promise<WriteOutcome> {
    return new Promise((resolve, reject) => {
      (this.#waiting ??= []).push({ write, resolve, reject });
    });
  }

  async #run(): Promise<void> {
    for (let batch = this.#taken(); batch !== undefined; batch = this.#taken()) {
      try {
        await this.#settle(batch);
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
    this.#queues.delete(this);
  }

  #taken(): Waiting[] | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }

  async #settle(batch: Waiting[]): Promise<void> {
    for (let attempt = 0, started = performance.now(); ; attempt += 1) {
      // Whoever came while this batch lost a round goes along.
      batch.push(...(this.#taken() ?? []));
      const draft = new ChangeDraft(this.#known);
      const refused = new Map<Waiting, unknown>();
      for (const waiting of batch) {
        try {
          draft.add(waiting.write);
        } catch (error) {
          refused.set(waiting, error);
        }
      }
      const verdict = refused.size === batch.length ? await this.#compare(draft) : await this.#update(draft);
      if (verdict === 'applied') {
        // Only now is it known that the updates that threw were given what the store holds.
        for (const [waiting, error] of refused) waiting.reject(error);
        for (const { write, resolve } of batch)
          resolve({ gone: false, text: write.update && this.#known.get(write.update.key) });
        return;
      }
      if (verdict === 'gone') {
        for (const { resolve } of batch) resolve({ gone: true });
        return;
      }
      publish('conflict', () => ({ handle: this.key, keys: [...draft.expected().keys()] }));
      if (performance.now() - started > GIVE_UP_AFTER_MS) throw draft.lostTooOften(attempt + 1);
      // Somebody else was faster. Step aside for a random moment, so that contenders do not march in step.
      if (attempt > 0) await wait(Math.random() * Math.min(2 ** attempt, 32));
    }
  }

  async #update(draft: ChangeDraft): Promise<UpdateVerdict> {
    const verdict = await this.store.update(this.key, draft.change());
    if (verdict === 'applied') this.#known = draft.texts();
    if (verdict !== 'conflict') return verdict;
    return (await this.#compare(draft)) === 'gone' ? 'gone' : 'conflict';
  }

  /** Reads what the store holds now, of the fields that the comparison is about. */
  async #compare(draft: ChangeDraft): Promise<UpdateVerdict> {
    const record = await this.store.read(this.key);
    if (record === undefined || record === 'ended') return 'gone';
    const known = new Map(this.#known);
    let verdict: UpdateVerdict = 'applied';
    for (const [key, expected] of draft.expected()) {
      const text = Object.hasOwn(record.fields, key) ? record.fields[key] : undefined;
      known.set(key, text);
      if (text !== expected) verdict = 'conflict';
    }
    this.#known = known;
    return verdict;
  }
}

/** The parts of a change that say something. */
function changeOf(times: WriteTimes, { set, revise, unset }: FieldChanges): SessionChange {
  const change: SessionChange = { ...times };
  if (!isEmpty(set)) change.set = set;
  if (!isEmpty(revise)) change.revise = revise;
  if (unset.length > 0) change.unset = unset;
  return change;
}

/** What the store holds once the change is applied. Revisions are not known to have landed. */
function textsOf({ set, unset }: FieldChanges): Map<string, string | undefined> {
  const texts = new Map<string, string | undefined>(Object.entries(set));
  for (const key of unset) texts.set(key, undefined);
  return texts;
}

type Queues = WorkByKey<WriteQueue>;

const slot = Symbol.for('@sess/core write queues v4');

/**
 * One table for all stores: a cookie session's store is made for one request, and a table of its own would cost more
 * than its writes. Bundlers load modules twice; the writers of one session must meet all the same.
 */
function sharedQueues(): Queues {
  const shared: typeof globalThis & { [slot]?: Queues } = globalThis;
  return (shared[slot] ??= new WorkByKey());
}

/** Writes to a stored session, together with whoever else in this process is about to. */
export function queueWrite(store: SessionStore, key: SessionKey, write: Write): Promise<WriteOutcome> {
  const queues = sharedQueues();
  let running = queues.get(key);
  while (running !== undefined && running.store !== store) running = queues.next(running);
  return running === undefined ? new WriteQueue(store, key, queues).begin(write) : running.join(write);
}
