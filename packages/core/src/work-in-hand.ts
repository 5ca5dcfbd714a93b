/**
 * Work that a `close()` waits for. It is counted, not collected: a `Set` that things come and go in leaves old tables
 * behind, and each keeps what it last held from the quick part of the garbage collector, with all that hangs on it.
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

  /** Resolves when there is none. */
  async settled(): Promise<void> {
    while (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The same, but not longer than so many milliseconds: under steady load there is always some. */
  async settledWithin(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([this.settled(), late]);
    clearTimeout(timer);
  }
}
