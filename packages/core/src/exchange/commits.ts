import { withDeadline } from '../deadline.ts';
import type { Engine } from './engine.ts';

/** The commits of one answer: there is a second one where the session was changed while the answer was held. */
export class Commits {
  readonly #engine: Engine;
  #storing: Promise<void> | undefined;
  #waitedMs = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Settles once the running commit's writes have settled. */
  get storing(): Promise<void> | undefined {
    return this.#storing;
  }

  /** Remembers a commit's writes until they are settled. */
  store(storing: Promise<void>): Promise<void> {
    const over = () => {
      if (this.#storing === settled) this.#storing = undefined;
    };
    const settled = storing.then(over, over);
    this.#storing = settled;
    return storing;
  }

  /**
   * Bounds a commit.
   * @param isSecond nothing of the answer has left since the one before: both have one bound
   */
  wait(commit: Promise<void>, isSecond: boolean): Promise<void> {
    if (!isSecond) this.#waitedMs = 0;
    const { workInHand } = this.#engine;
    const began = performance.now();
    const over = () => {
      this.#waitedMs += performance.now() - began;
      workInHand.end();
    };
    workInHand.begin();
    const bounded = withDeadline(commit, this.#leftMs(), 'Storing the session');
    void bounded.then(over, over);
    return bounded;
  }

  /** At least a twentieth of the bound, so that the last commit can still ask the store. */
  #leftMs(): number {
    const { commitMs } = this.#engine;
    return Math.max(commitMs / 20, commitMs - this.#waitedMs);
  }
}
