import { beginDeadline } from '@sess/core/internal';
import type { Redis } from 'ioredis';
import { notAnsweredYet } from './no-connection.ts';

/** TCP is up, but a frozen server does not answer the greeting (two round trips), which ioredis does not bound. */
export class GreetingBound {
  readonly #client: Redis | undefined;
  readonly #timeoutMs: number;
  readonly #onSilence: (error: Error) => void;
  #stop = () => {};

  /** @param onSilence is told why the connection is given up: the client itself emits no error then */
  constructor(client: Redis | undefined, timeoutMs: number, onSilence: (error: Error) => void) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.#onSilence = onSilence;
  }

  /** TCP is up. */
  begin(): void {
    const client = this.#client;
    const stream = client?.stream;
    this.#stop();
    this.#stop = beginDeadline(2 * this.#timeoutMs, () => {
      if (client?.status !== 'connect' || client.stream !== stream) return;
      this.#onSilence(notAnsweredYet());
      client.disconnect(true);
    });
  }

  end(): void {
    this.#stop();
  }
}
