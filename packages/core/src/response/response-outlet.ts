import type { ServerResponse } from 'node:http';

import { BodyTail } from './body-tail.ts';
import {
  type HeadArguments,
  announcedLength,
  endsWithHead,
  refuseInvalidHead,
  responseHead,
  setGivenHeaders,
} from './response-head.ts';
import { type SessionHeaders, applySessionHeaders, saysNothing } from './session-headers.ts';

/** The methods through which everything of an answer passes. */
export type AnswerMethod = 'writeHead' | 'flushHeaders' | 'write' | 'end';

/** The way out of a response: the methods that were there before the hold. */
export class ResponseOutlet {
  /** What the next head has to say for the session. */
  headers: SessionHeaders | undefined;
  /** A head is out of the app's hands, and there is no body to follow. */
  isWhole = false;
  readonly real: Pick<ServerResponse, AnswerMethod>;
  readonly #response: ServerResponse;
  #tail: BodyTail | undefined;

  constructor(response: ServerResponse) {
    const { writeHead, flushHeaders, write, end } = response;
    this.real = { writeHead, flushHeaders, write, end };
    this.#response = response;
  }

  call(method: AnswerMethod, args: readonly unknown[]): unknown {
    return Reflect.apply(this.real[method], this.#response, args);
  }

  /** A head on its way out: the last moment to add to it. What `writeHead` is given wins over what was set. */
  writeHead(args: HeadArguments, endFollows: boolean): void {
    const response = this.#response;
    const head = responseHead(args);
    if (this.headers === undefined || saysNothing(this.headers) || response.headersSent) {
      this.call('writeHead', args);
    } else {
      const { statusCode, message } = head;
      refuseInvalidHead(response, head);
      setGivenHeaders(response, head.headers);
      applySessionHeaders(response, this.headers);
      this.call('writeHead', message === undefined ? [statusCode] : [statusCode, message]);
    }
    this.headers = undefined;
    if (!endFollows) {
      this.isWhole = endsWithHead(response, head);
      this.#tail ??= new BodyTail(announcedLength(response, head.headers));
    }
  }

  write(args: readonly unknown[]): boolean {
    const hasRoom: boolean = Reflect.apply(this.real.write, this.#response, args);
    return hasRoom;
  }

  /** A piece of a body whose end is to wait. */
  stream(args: readonly unknown[]): boolean {
    if (!this.#response.headersSent) this.#tail = new BodyTail(announcedLength(this.#response));
    return this.#tail === undefined ? this.write(args) : this.#tail.write(args, (piece) => this.write(piece));
  }

  end(args: readonly unknown[]): void {
    this.#tail?.release((piece) => this.write(piece));
    this.call('end', args);
  }
}
