import type { ServerResponse } from 'node:http';

import { BodyTail } from './body-tail.ts';
import { isConnected } from './node-response.ts';
import {
  type HeadArguments,
  announcedLength,
  endsWithHead,
  refuseInvalidHead,
  responseHead,
  setGivenHeaders,
} from './response-head.ts';
import { type SessionHeaders, applySessionHeaders, noteCookies, saysNothing } from './session-headers.ts';

/** The methods through which everything of an answer passes. */
export type AnswerMethod = 'writeHead' | 'flushHeaders' | 'write' | 'end';

/** The way out of a response: the methods that were there before the hold. */
export class ResponseOutlet {
  /** What the next head has to say for the session. */
  headers: SessionHeaders | undefined;
  /** A head is out of the app's hands, and there is no body to follow. */
  isWhole = false;
  readonly real: Pick<ServerResponse, AnswerMethod>;
  /** The answer goes to a client, through node's own methods: its `write` and `end` call `writeHead`. */
  readonly isConnected: boolean;
  readonly #response: ServerResponse;
  #hasBegun = false;
  #tail: BodyTail | undefined;

  constructor(response: ServerResponse) {
    const { writeHead, flushHeaders, write, end } = response;
    this.real = { writeHead, flushHeaders, write, end };
    this.isConnected = isConnected(response);
    this.#response = response;
  }

  /** Whether a head has left. Others' responses say so too early (node-mocks-http), or not at all. */
  get headHasLeft(): boolean {
    return this.isConnected ? this.#response.headersSent : this.#hasBegun;
  }

  /** Takes what a commit has decided. */
  decide(headers: SessionHeaders): void {
    this.headers = headers;
    noteCookies(this.#response, this, headers);
  }

  call(method: AnswerMethod, args: readonly unknown[]): unknown {
    if (!this.isConnected) this.#beginUnconnected();
    return Reflect.apply(this.real[method], this.#response, args);
  }

  /** Others' `write` and `end` need not call `writeHead`: the session's headers are set before. */
  #beginUnconnected(): void {
    const { headers } = this;
    this.headers = undefined;
    this.#hasBegun = true;
    if (headers !== undefined) applySessionHeaders(this.#response, headers);
  }

  /** A head on its way out: the last moment to add to it. What `writeHead` is given wins over what was set. */
  writeHead(args: HeadArguments, endFollows: boolean): void {
    const response = this.#response;
    const head = responseHead(args);
    const { headers } = this;
    if (headers === undefined || saysNothing(headers) || this.headHasLeft) {
      this.call('writeHead', args);
    } else {
      const { statusCode, message } = head;
      refuseInvalidHead(head);
      setGivenHeaders(response, head.headers);
      applySessionHeaders(response, headers);
      if (!this.isConnected) this.headers = undefined;
      this.call('writeHead', message === undefined ? [statusCode] : [statusCode, message]);
    }
    // Not before: if Node refuses to send this head, another answer follows, which needs these headers.
    this.headers = undefined;
    if (!endFollows) {
      this.isWhole = endsWithHead(response, head);
      this.#tail ??= new BodyTail(announcedLength(response, head.headers));
    }
  }

  write(args: readonly unknown[]): boolean {
    // Some imitations return nothing, which does not mean: wait for 'drain'.
    return this.call('write', args) !== false;
  }

  /** A piece of a body whose end is to wait. */
  stream(args: readonly unknown[]): boolean {
    if (!this.headHasLeft) this.#tail = new BodyTail(announcedLength(this.#response));
    return this.#tail === undefined ? this.write(args) : this.#tail.write(args, (piece) => this.write(piece));
  }

  end(args: readonly unknown[]): void {
    this.#tail?.release((piece) => this.write(piece));
    this.call('end', args);
  }
}
