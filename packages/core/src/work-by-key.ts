import type { SessionKey } from './store.ts';

/** What can be in {@link WorkByKey}. */
export interface KeyedWork {
  readonly key: SessionKey;
  /** The next one of its bucket; for the table only. */
  after: this | undefined;
}

const BUCKETS = 256;

/**
 * Work in hand, by its session's key. It comes and goes with every request, and a `Map` would leave old tables behind:
 * each keeps what it last held from the quick part of the garbage collector.
 */
export class WorkByKey<W extends KeyedWork> {
  readonly #firsts: (W | undefined)[] = Array.from({ length: BUCKETS }, () => undefined);

  get(key: SessionKey): W | undefined {
    return ofKey(this.#firsts[bucketOf(key)], key);
  }

  /** Another one of the same key, where there are several. */
  next(work: W): W | undefined {
    return ofKey(work.after, work.key);
  }

  add(work: W): void {
    const bucket = bucketOf(work.key);
    work.after = this.#firsts[bucket];
    this.#firsts[bucket] = work;
  }

  delete(work: W): void {
    const bucket = bucketOf(work.key);
    let before = this.#firsts[bucket];
    if (before === work) this.#firsts[bucket] = work.after;
    else {
      while (before !== undefined && before.after !== work) before = before.after;
      if (before !== undefined) before.after = work.after;
    }
    work.after = undefined;
  }
}

function ofKey<W extends KeyedWork>(first: W | undefined, key: SessionKey): W | undefined {
  let work = first;
  while (work !== undefined && work.key !== key) work = work.after;
  return work;
}

/** Keys are random: two digits will do. */
function bucketOf(key: SessionKey): number {
  return (31 * key.charCodeAt(0) + key.charCodeAt(1)) % BUCKETS;
}
