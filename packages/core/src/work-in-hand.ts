// As it is when this is loaded: an app's tests that replace it for a while must not keep a `close()` waiting.
const { setTimeout } = globalThis;

/**
 * Work that a `close()` waits for. A counter, not a `Set`: a `Set` that changes all the time leaves old tables in memory,
 * and what each of them last held is freed only by a full garbage collection.
 */
export class WorkInHand {
  #count = 0;
  #waiting: (() => void)[] = [];

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0) for (const done of this.#waiting.splice(0)) done();
  }

  /** Resolves when there is none. What follows at once belongs to it, such as the second commit of an answer. */
  async settled(): Promise<void> {
    while (this.#count > 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      await new Promise<void>((resolve) => setTimeout(resolve));
    }
  }

  /** The same, but after so many milliseconds at the latest: under steady load there is always work. */
  async settledWithin(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([this.settled(), late]);
    clearTimeout(timer);
  }
}
