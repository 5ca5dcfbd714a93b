import type { Logger } from '../logger.ts';

/** The start of an app's storage, which happens once: asked for by the app itself, or else by its first request. */
export class StorageStart {
  readonly #start: (isClosing: () => boolean) => Promise<void>;
  readonly #logger: Logger;
  #started: Promise<void> | undefined;
  #isAsked = false;
  #isClosing = false;

  constructor(start: (isClosing: () => boolean) => Promise<void>, logger: Logger) {
    this.#start = start;
    this.#logger = logger;
  }

  ready(): Promise<void> {
    if (this.#started !== undefined) return this.#started;
    const started = this.#start(() => this.#isClosing);
    this.#started = started;
    // Somebody may mend what is wrong without a restart: the next one to ask tries again.
    started.catch(() => (this.#started = undefined));
    return started;
  }

  /** The first request asks, and does not wait: what goes wrong is logged. */
  once(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    if (this.#started !== undefined) return;
    this.ready().catch((error: unknown) => this.#logger.error(error instanceof Error ? error.message : String(error)));
  }

  /** Waits for its end. Cut off, it would log an outage that there is not, and leave the session of its test. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#started?.catch(() => {});
  }
}
