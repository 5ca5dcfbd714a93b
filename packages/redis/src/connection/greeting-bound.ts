import type { Redis } from 'ioredis';
import { afterPatience } from './patience.ts';

/** TCP is up, but a frozen server does not answer the greeting (two round trips), which ioredis does not bound. */
export class GreetingBound {
  readonly #client: Redis | undefined;
  readonly #timeoutMs: number;
  #stop = () => {};

  constructor(client: Redis | undefined, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /** TCP is up. */
  begin(): void {
    const client = this.#client;
    const stream = client?.stream;
    this.#stop();
    this.#stop = afterPatience(performance.now() + 2 * this.#timeoutMs, () => {
      if (client?.status === 'connect' && client.stream === stream) client.disconnect(true);
    });
  }

  end(): void {
    this.#stop();
  }
}
