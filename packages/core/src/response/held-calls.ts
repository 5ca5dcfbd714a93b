import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';

import { bodyArguments, chunkLength } from './body-arguments.ts';
import { type HeldAppearance, wearHeldAppearance } from './held-appearance.ts';
import { isHttp2, refuseHeader } from './node-response.ts';
import {
  type ResponseHead,
  discardsBody,
  endsWithHead,
  implicitHead,
  refuseInvalidHead,
  setGivenHeaders,
} from './response-head.ts';
import type { AnswerMethod } from './response-outlet.ts';
import { swallowWrite } from './swallowed-calls.ts';

type HeldCall = [method: AnswerMethod | 'cork' | 'uncork', args: readonly unknown[]];

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
  readonly #calls: HeldCall[] = [];
  #appearance: HeldAppearance | undefined;
  #sentStatus = 0;
  #isStored = false;
  /** How many of the calls were made again. */
  #made = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  writeHead(head: ResponseHead): void {
    const response = this.#response;
    if (this.#appearance !== undefined) refuseHeader(response, 'write');
    refuseInvalidHead(head);
    setGivenHeaders(response, head.headers);
    response.statusCode = head.statusCode;
    if (head.message !== undefined && !isHttp2(response)) response.statusMessage = head.message;
    this.#add('writeHead', [response.statusCode]);
  }

  flushHeaders(): void {
    this.#add('flushHeaders', []);
  }

  /** Whether the head is all that would be sent so far, and all of the answer: with it the client has the whole. */
  get isHeadOnly(): boolean {
    const isBody = ([method, args]: HeldCall): boolean => method === 'write' && !this.comesToNothing(args);
    return endsWithHead(this.#response, this.#head) && !this.#calls.some(isBody);
  }

  /** The session is stored, and only the app's `end` is missing. A call that comes to nothing is not kept any more. */
  get awaitsEnd(): boolean {
    return this.#isStored && !this.ended;
  }

  /** Calls back whoever waits for room, or for a `write` that comes to nothing. */
  awaitEnd(): void {
    this.#isStored = true;
    const calls = this.#calls;
    for (const [n, [method, args]] of calls.entries()) {
      if (method !== 'write') continue;
      swallowWrite(args, undefined);
      calls[n] = ['flushHeaders', []];
    }
    this.waitingBytes = 0;
    this.#drain();
    this.needsDrain = false;
    this.#appearance?.show();
  }

  /** Whether nothing is sent of what a `write` is given. */
  comesToNothing(args: readonly unknown[]): boolean {
    return discardsBody(this.#response, this.#head.statusCode) || chunkLength(bodyArguments(args)) === 0;
  }

  /** The head that the app takes for sent, or the one that it would send now. */
  get #head(): ResponseHead {
    const head = implicitHead(this.#response);
    if (this.#appearance !== undefined) head.statusCode = this.#sentStatus;
    return head;
  }

  /** Whether there is room for more, by the same measure as without a hold. */
  write(args: readonly unknown[]): boolean {
    if (this.awaitsEnd && this.comesToNothing(args)) {
      if (this.#appearance === undefined) this.flushHeaders();
      return swallowWrite(args, undefined);
    }
    this.#add('write', args);
    if (this.ended) return false;
    this.waitingBytes += chunkLength(bodyArguments(args));
    this.#appearance?.show();
    const isFull = this.waitingBytes >= this.#response.writableHighWaterMark;
    if (!isFull) return true;
    this.needsDrain = true;
    this.#appearance?.show();
    return false;
  }

  /** A second `end`, like a `write` after it, is kept too: Node has the right error for it. */
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

  /** What was written before the hold may leave: Node.js 26 corks each `write` until the turn is over. */
  uncork(real: () => void): void {
    if (this.corks === 0) {
      // One too many does nothing.
      if (this.#response.writableCorked > 0) real.call(this.#response);
      return;
    }
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
      refuseInvalidHead(head);
      this.#sentStatus = head.statusCode;
      this.#appearance = wearHeldAppearance(response, this);
      this.#appearance.show();
    }
    this.#calls.push([method, args]);
  }

  /** Makes the calls again, through `call`. What it throws is thrown; the call that threw, and those after it, are left. */
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
      this.#made++;
    }
    if (statusCode !== this.#sentStatus) response.statusCode = statusCode;
    // Where the last real write has no room either, Node emits 'drain' itself.
    if (result !== false) this.#drain();
  }

  /** Shows the response as it is. */
  reveal(): void {
    this.#appearance?.takeOff();
  }

  /** Forgets the calls that are left; nobody who waits for one is left waiting. `answered`: 'finish' will come. */
  drop(error: unknown, answered: boolean): void {
    this.reveal();
    for (const [method, args] of this.#calls.slice(this.#made)) {
      const { callback } = bodyArguments(args);
      if (callback === undefined) continue;
      if (method === 'end' && answered) this.#response.once('finish', callback);
      else process.nextTick(callback, error);
    }
    this.#drain();
  }

  #drain(): void {
    const response = this.#response;
    if (!this.needsDrain || this.ended || response.destroyed) return;
    // In a turn of its own: what a listener throws is the app's.
    process.nextTick(() => {
      response.emit('drain');
      const listened = listenedTo(response);
      if (listened !== response) listened.emit('drain');
    });
  }
}

/**
 * Where the listeners of 'drain' are. compression has them on a stream of its own, which its `on` returns: where that has
 * more room than the response it does not tell them.
 */
function listenedTo(response: ServerResponse): EventEmitter {
  if (!Object.hasOwn(response, 'on')) return response;
  const nobody = (): void => {};
  const listened: unknown = response.on('drain', nobody);
  return listened instanceof EventEmitter ? listened.off('drain', nobody) : response;
}
