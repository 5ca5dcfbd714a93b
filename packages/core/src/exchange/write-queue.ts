import { setTimeout as wait } from 'node:timers/promises';

import { ChangeDraft, isEmpty } from './change-draft.ts';
import { SessError } from '../errors.ts';
import { publish } from '../events.ts';
import type { FieldChanges } from '../session/fields.ts';
import type { SessionChange, SessionKey, SessionStore, UpdateVerdict } from '../store.ts';

/** What a write changes besides fields. */
export type WriteTimes = Pick<SessionChange, 'touchedAt' | 'expiresAt' | 'owner' | 'settings'>;

/** An atomic update of one field: from the text that the store holds to the text that it shall hold. */
export interface FieldUpdate {
  key: string;
  /** The text as the request last knew it. */
  known: string | undefined;
  /** May run several times; may throw, which rejects this write alone. */
  revise: (text: string | undefined) => string | undefined;
}

export type Write = { times: WriteTimes; fields?: FieldChanges; update?: FieldUpdate };

/** `gone`, or what the store holds now: for an update, the field's new text. */
export type WriteOutcome = { gone: true } | { gone: false; text: string | undefined };

interface Waiting {
  write: Write;
  resolve(outcome: WriteOutcome): void;
  reject(error: unknown): void;
}

/** A write that keeps losing against other processes gives up after this long; its caller's deadline comes first. */
const GIVE_UP_AFTER_MS = 2_000;

/**
 * The writers of one session inside this process, one behind the other. While a write is under way
 * the next ones gather, and go out together as one: 200 parallel counts are a few writes, not
 * thousands of lost comparisons.
 */
class WriteQueue {
  readonly #store: SessionStore;
  readonly #key: SessionKey;
  readonly #done: () => void;
  #waiting: Waiting[] = [];
  /** Texts that this process wrote or read last: fresher, as a rule, than what a request read. */
  #known = new Map<string, string | undefined>();

  constructor(store: SessionStore, key: SessionKey, done: () => void) {
    this.#store = store;
    this.#key = key;
    this.#done = done;
  }

  add(write: Write): Promise<WriteOutcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject });
    });
  }

  async run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const [only] = batch;
      try {
        if (batch.length === 1 && only !== undefined && only.write.update === undefined) await this.#settleOne(only);
        else await this.#settle(batch);
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
    this.#done();
  }

  /** Most writes are alone and compare nothing: the change is what the write says. */
  async #settleOne(waiting: Waiting): Promise<void> {
    const { times, fields } = waiting.write;
    const verdict = await this.#store.update(this.#key, { ...times, ...(fields && partsOf(fields)) });
    if (verdict === 'conflict') throw new SessError('STORE_UNAVAILABLE', 'The store compared where nothing was asked.');
    if (verdict === 'gone') return waiting.resolve({ gone: true });
    // Whoever came meanwhile is given what the store holds now.
    if (this.#waiting.length > 0 && fields !== undefined) this.#known = textsOf(fields);
    waiting.resolve({ gone: false, text: undefined });
  }

  async #settle(batch: Waiting[]): Promise<void> {
    for (let attempt = 0, started = performance.now(); ; attempt += 1) {
      // Whoever came while this batch lost a round goes along.
      batch.push(...this.#waiting.splice(0));
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
      publish('conflict', () => ({ handle: this.#key, keys: [...draft.expected().keys()] }));
      if (performance.now() - started > GIVE_UP_AFTER_MS) throw draft.lostTooOften(attempt + 1);
      // Somebody else was faster. Step aside for a random moment, so that contenders do not march in step.
      if (attempt > 0) await wait(Math.random() * Math.min(2 ** attempt, 32));
    }
  }

  async #update(draft: ChangeDraft): Promise<UpdateVerdict> {
    const verdict = await this.#store.update(this.#key, draft.change());
    if (verdict === 'applied') this.#known = draft.texts();
    if (verdict !== 'conflict') return verdict;
    return (await this.#compare(draft)) === 'gone' ? 'gone' : 'conflict';
  }

  /** Reads what the store holds now, of the fields that the comparison is about. */
  async #compare(draft: ChangeDraft): Promise<UpdateVerdict> {
    const record = await this.#store.read(this.#key);
    if (record === undefined || record === 'ended') return 'gone';
    let verdict: UpdateVerdict = 'applied';
    for (const [key, expected] of draft.expected()) {
      const text = Object.hasOwn(record.fields, key) ? record.fields[key] : undefined;
      this.#known.set(key, text);
      if (text !== expected) verdict = 'conflict';
    }
    return verdict;
  }
}

/** The parts of a change that say something. */
function partsOf({ set, revise, unset }: FieldChanges): Partial<FieldChanges> {
  const parts: Partial<FieldChanges> = {};
  if (!isEmpty(set)) parts.set = set;
  if (!isEmpty(revise)) parts.revise = revise;
  if (unset.length > 0) parts.unset = unset;
  return parts;
}

/** What the store holds once the change is applied. Revisions are not known to have landed. */
function textsOf({ set, unset }: FieldChanges): Map<string, string | undefined> {
  const texts = new Map<string, string | undefined>(Object.entries(set));
  for (const key of unset) texts.set(key, undefined);
  return texts;
}

type Queues = WeakMap<SessionStore, Map<SessionKey, WriteQueue>>;

const slot = Symbol.for('@sess/core write queues v1');

/** Bundlers load modules twice; the writers of one session must meet all the same. */
function sharedQueues(): Queues {
  const shared: typeof globalThis & { [slot]?: Queues } = globalThis;
  return (shared[slot] ??= new WeakMap());
}

/** Writes to a stored session, together with whoever else in this process is about to. */
export function queueWrite(store: SessionStore, key: SessionKey, write: Write): Promise<WriteOutcome> {
  const queues = sharedQueues();
  let ofStore = queues.get(store);
  if (ofStore === undefined) queues.set(store, (ofStore = new Map()));
  const running = ofStore.get(key);
  if (running !== undefined) return running.add(write);
  const queue = new WriteQueue(store, key, () => ofStore.delete(key));
  ofStore.set(key, queue);
  const outcome = queue.add(write);
  void queue.run();
  return outcome;
}
