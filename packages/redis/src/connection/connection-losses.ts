import type { Redis } from 'ioredis';
import { type RedisClient, isCluster } from './redis-client.ts';

/** Listens for connections that a client loses: its own, and those to the nodes of a cluster. */
export class ConnectionLosses {
  readonly #client: RedisClient;
  readonly #note = (): void => {
    this.lastAt = performance.now();
  };
  readonly #watch = (node: Redis): void => void node.on('close', this.#note);
  /** When it last lost one, by `performance.now()`. */
  lastAt: number = -Infinity;

  constructor(client: RedisClient) {
    this.#client = client;
    client.on('close', this.#note);
    if (isCluster(client)) client.on('+node', this.#watch).nodes().forEach(this.#watch);
  }

  end(): void {
    const client = this.#client.off('close', this.#note);
    if (!isCluster(client)) return;
    for (const node of client.off('+node', this.#watch).nodes()) node.off('close', this.#note);
  }
}
