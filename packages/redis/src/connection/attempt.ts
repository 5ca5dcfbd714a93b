import { type InOrder, beginDeadline } from '@sess/core/internal';
import type { Call } from './call.ts';
import { insideMulti, isQueued, wasNotSent } from './redis-errors.ts';

/** What a call needs of its connection. */
export interface Line {
  where(): string;
  /** How many answers have come so far. */
  answers: number;
  /** Whether a command can be sent now. If not, the connection is woken. */
  isReady(): boolean;
  /** Why no call can be made any more, if so. */
  ended(): Error | undefined;
  /** Why a call was not answered in time. `isSent`: a command was on its way. */
  late(what: string, isSent: boolean): Error;
  /** Called when a call was not answered in time, nor any other call since it was sent. */
  silent(forMs: number): void;
  /** To be called before a command is written: the commands of one turn of the event loop leave together. */
  gather(): void;
  over(attempt: CallInHand): void;
}

/** A call as its connection knows it. */
export interface CallInHand extends InOrder<CallInHand> {
  /** There is a connection again. */
  connected(): void;
  /** The connection that carried its command was lost. */
  lost(reason: Error): void;
}

type State = 'waiting' | 'sent' | 'over';

/** One call, from its first attempt until it is over: it waits for the connection, and is sent again if it is repeatable. */
export class Attempt<T> implements CallInHand {
  readonly #line: Line;
  readonly #call: Call<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #endDeadline: () => void;
  before: CallInHand | undefined;
  behind: CallInHand | undefined;
  #state: State = 'waiting';
  #count = 0;
  #sentAt = 0;
  #answersBefore = 0;

  constructor(line: Line, call: Call<T>, resolve: (value: T) => void, reject: (error: unknown) => void) {
    this.#line = line;
    this.#call = call;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#endDeadline = beginDeadline(call.by - performance.now(), () => this.#expire());
  }

  begin(): void {
    const line = this.#line;
    const end = line.ended();
    if (end !== undefined) return this.#fail(end);
    if (!line.isReady()) return;
    const number = (this.#count += 1);
    this.#state = 'sent';
    this.#sentAt = performance.now();
    this.#answersBefore = line.answers;
    line.gather();
    try {
      this.#call.send().then(
        (value) => this.#answered(value, number),
        (error: unknown) => this.#refused(error, number),
      );
    } catch (error) {
      // The client must not be used now, or only looks like one of ioredis.
      this.#fail(error);
    }
  }

  connected(): void {
    // Nothing is begun when its caller does not wait any more.
    if (this.#state === 'waiting' && performance.now() < this.#call.by) this.begin();
  }

  lost(reason: Error): void {
    if (this.#state !== 'sent') return;
    this.#count += 1;
    this.#state = 'waiting';
    if (!this.#call.isRepeatable) this.#fail(reason);
  }

  #answered(value: T, number: number): void {
    this.#line.answers += 1;
    if (isQueued(value)) this.#fail(insideMulti(this.#line.where()));
    else if (number === this.#count && this.#end()) this.#resolve(value);
  }

  #refused(error: unknown, number: number): void {
    const isUnsent = wasNotSent(error);
    if (!isUnsent) this.#line.answers += 1;
    if (number !== this.#count || this.#state === 'over') return;
    if (isUnsent) this.#state = 'waiting';
    else this.#fail(error);
  }

  #expire(): void {
    const isSent = this.#state === 'sent';
    this.#fail(this.#line.late(this.#call.what, isSent));
    if (isSent && this.#line.answers === this.#answersBefore) this.#line.silent(performance.now() - this.#sentAt);
  }

  #fail(error: unknown): void {
    if (this.#end()) this.#reject(error);
  }

  /** @returns whether the call is over by this */
  #end(): boolean {
    if (this.#state === 'over') return false;
    this.#state = 'over';
    this.#endDeadline();
    this.#line.over(this);
    return true;
  }
}
