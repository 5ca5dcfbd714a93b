import type { ServerResponse } from 'node:http';

import { bodyArguments, chunkLength } from './body-arguments.ts';
import { type HeldAppearance, wearHeldAppearance } from './held-appearance.ts';
import { isHttp2, refuseHeader } from './node-response.ts';
import { type ResponseHead, implicitHead, refuseInvalidHead, setGivenHeaders } from './response-head.ts';
import type { AnswerMethod } from './response-outlet.ts';

/**
 * What the app does to its response while nothing may leave. The calls are kept as they came and
 * made again later, so that everything about the bytes stays Node's affair: lengths, chunking,
 * HEAD, 304, misuse. Only what an app sees at once is answered here.
 */
export class HeldCalls {
  ended = false;
  waitingBytes = 0;
  needsDrain = false;
  corks = 0;
  readonly #response: ServerResponse;
  readonly #calls: [method: AnswerMethod | 'cork' | 'uncork', args: readonly unknown[]][] = [];
  #appearance: HeldAppearance | undefined;
  #sentStatus = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  writeHead(head: ResponseHead): void {
    const response = this.#response;
    if (this.#appearance !== undefined) refuseHeader(response, 'write');
    refuseInvalidHead(response, head);
    setGivenHeaders(response, head.headers);
    response.statusCode = head.statusCode;
    if (head.message !== undefined && !isHttp2(response)) response.statusMessage = head.message;
    this.#add('writeHead', [response.statusCode]);
  }

  flushHeaders(): void {
    this.#add('flushHeaders', []);
  }

  /** Whether there is room for more, by the same measure as without a hold. */
  write(args: readonly unknown[]): boolean {
    this.#add('write', args);
    if (this.ended) return false;
    this.waitingBytes += chunkLength(bodyArguments(args));
    this.#appearance?.show();
    const hasRoom = Math.max(this.#response.writableLength, this.waitingBytes) < this.#response.writableHighWaterMark;
    if (hasRoom) return true;
    this.needsDrain = true;
    this.#appearance?.show();
    return false;
  }

  /** A second `end`, like a `write` after it, is kept too: Node finds the right words for it. */
  end(args: readonly unknown[]): void {
    this.#add('end', args);
    this.ended = true;
    this.#appearance?.show();
  }

  /** A real cork would keep 1xx answers back. */
  cork(): void {
    this.corks++;
    this.#calls.push(['cork', []]);
    this.#appearance?.show();
  }

  uncork(): void {
    this.corks--;
    this.#calls.push(['uncork', []]);
    this.#appearance?.show();
  }

  /** From the first call on, the head is sent as far as the app can see. */
  #add(method: AnswerMethod, args: readonly unknown[]): void {
    const response = this.#response;
    if (this.#appearance === undefined) {
      const head = implicitHead(response);
      if (!isHttp2(response)) head.message = response.statusMessage;
      refuseInvalidHead(response, head);
      this.#sentStatus = head.statusCode;
      this.#appearance = wearHeldAppearance(response, this);
      this.#appearance.show();
    }
    this.#calls.push([method, args]);
  }

  /** Makes the calls again, through `call`. What it throws is thrown, and the calls after it are lost. */
  replay(call: (method: AnswerMethod, args: readonly unknown[]) => unknown): void {
    if (this.#appearance === undefined) return;
    const response = this.#response;
    this.#appearance.takeOff();
    // What the app has set since its head "was sent" is not sent, and stays what the app reads.
    const { statusCode } = response;
    response.statusCode = this.#sentStatus;
    let result: unknown;
    for (const [method, args] of this.#calls) {
      if (method === 'cork' || method === 'uncork') response[method]();
      else result = call(method, args);
    }
    if (statusCode !== this.#sentStatus) response.statusCode = statusCode;
    // Where the last real write has no room either, Node emits 'drain' itself.
    if (result !== false) this.#drain();
  }

  /** Shows the response as it is. */
  reveal(): void {
    this.#appearance?.takeOff();
  }

  /** Forgets the calls; nobody who waits for one is left waiting. `answered`: 'finish' will come. */
  drop(error: unknown, answered: boolean): void {
    this.reveal();
    for (const [method, args] of this.#calls) {
      const { callback } = bodyArguments(args);
      if (callback === undefined) continue;
      if (method === 'end' && answered) this.#response.once('finish', callback);
      else process.nextTick(callback, error);
    }
    this.#drain();
  }

  #drain(): void {
    // In a turn of its own: what a listener throws is the app's.
    if (this.needsDrain && !this.ended && !this.#response.destroyed)
      process.nextTick(() => this.#response.emit('drain'));
  }
}
