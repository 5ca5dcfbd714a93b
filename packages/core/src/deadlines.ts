import { AsyncResource } from 'node:async_hooks';

// As they are when this is loaded. An app's tests that replace them for a while must not stop bounds that all requests
// share: a list that is armed then would never fire again.
const { setTimeout, setImmediate } = globalThis;
const clock = performance.now.bind(performance);

/** Not in the context of the call that happens to set it: under steady load the timer would hand that on for ever. */
const setSharedTimer = AsyncResource.bind((fn: () => void, ms: number) => setTimeout(fn, ms));

/** What a stalled process gets at most, to do what it could not do in time. */
export const graceMs = 250;

/** A call that has a deadline. */
export interface Deadline {
  /** The call is over: nothing expires any more. */
  end(): void;
}

/**
 * Deadlines of one length for many calls. They have one timer together, since a timer for each costs more than some
 * calls do. While there are any, the process stays alive.
 *
 * A stalled loop is not a dead store: after a stall of this process the timer is due first although the answer has long
 * arrived. So when the time is up, I/O gets one more turn of the event loop; and when the timer itself is late, as many
 * milliseconds as it is late (at most 250), since work on files takes several turns.
 */
export class Deadlines {
  readonly #ms: number;
  /** In the order of their due times. */
  #first: Entry | undefined;
  #last: Entry | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  begin(expire: () => void): Deadline {
    const entry = new Entry(this, clock() + this.#ms, expire);
    entry.before = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.after = entry;
    this.#last = entry;
    if (this.#timer === undefined) this.#arm(this.#ms);
    else if (this.#first === entry) this.#timer.ref();
    return entry;
  }

  /** For the entries only. */
  drop(entry: Entry): void {
    const { before, after } = entry;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    // One that is over and has grown old would keep all that came behind it from the quick part of the collector.
    entry.before = entry.after = undefined;
    // The timer stays for the next call. It finds nothing to do, or less than it was set for.
    if (this.#first === undefined) this.#timer?.unref();
  }

  #arm(ms: number): void {
    this.#timer = setSharedTimer(() => this.#expire(), ms);
  }

  #expire(): void {
    this.#timer = undefined;
    const now = clock();
    let entry = this.#first;
    while (entry !== undefined && entry.dueAt <= now) {
      entry.isDue = true;
      this.drop(entry);
      const { expire } = entry;
      const lateMs = Math.floor(now - entry.dueAt);
      // The first turn polls for I/O, the second lets what it resolved run.
      const turn = (): void => void setImmediate(() => setImmediate(expire));
      if (lateMs > 0) setTimeout(turn, Math.min(lateMs, graceMs));
      else turn();
      entry = this.#first;
    }
    if (entry !== undefined) this.#arm(Math.max(1, Math.ceil(entry.dueAt - now)));
  }
}

/** Expires in the context that it began in (`AsyncLocalStorage`), not in that of the call that set the timer. */
class Entry extends AsyncResource implements Deadline {
  readonly #list: Deadlines;
  readonly dueAt: number;
  #expire: (() => void) | undefined;
  before: Entry | undefined;
  after: Entry | undefined;
  isDue = false;
  #isOver = false;

  constructor(list: Deadlines, dueAt: number, expire: () => void) {
    super('SessDeadline', { requireManualDestroy: true });
    this.#list = list;
    this.dueAt = dueAt;
    this.#expire = expire;
  }

  get expire(): () => void {
    return () => {
      const expire = this.#expire;
      if (this.#isOver || expire === undefined) return;
      this.#isOver = true;
      this.runInAsyncScope(expire);
    };
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#expire = undefined;
    if (!this.isDue) this.#list.drop(this);
  }
}

/** By length: there are few, since options set them. */
const lists = new Map<number, Deadlines>();

/** The deadlines of this length, one list for the process. */
export function deadlinesOf(ms: number): Deadlines {
  let list = lists.get(ms);
  if (list === undefined) lists.set(ms, (list = new Deadlines(ms)));
  return list;
}
