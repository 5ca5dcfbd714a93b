import type { ServerResponse } from 'node:http';

import { answerInstead } from './answer-instead.ts';
import { type BareAnswer, answerOfFailure } from './bare-answer.ts';
import { refuseInvalidChunk } from './body-arguments.ts';
import { handOver } from './hand-over.ts';
import { HeldCalls } from './held-calls.ts';
import { isGone, isHttp2, nodeError } from './node-response.ts';
import {
  type HeadArguments,
  type ResponseHead,
  endsWithHead,
  implicitHead,
  refuseInvalidHead,
  responseHead,
} from './response-head.ts';
import { ResponseOutlet } from './response-outlet.ts';
import type { ResponseWork } from './response-work.ts';
import type { SessionHeaders } from './session-headers.ts';
import { swallowEnd, swallowWrite } from './swallowed-calls.ts';

/** A response that is held back: what becomes of each of the app's calls. */
export class ResponseHold {
  /** Whether somebody else has put methods before ours. */
  isWrapped: (() => boolean) | undefined;
  readonly #response: ServerResponse;
  readonly #work: ResponseWork;
  readonly #outlet: ResponseOutlet;
  /**
   * `open`: the app has not begun its answer. `held`: its calls are kept. `streaming`: they pass, and
   * the end needs a late commit. `done`: all passes. `failed`: the hold has answered, nothing passes.
   */
  #stage: 'open' | 'held' | 'streaming' | 'done' | 'failed' = 'open';
  #held: HeldCalls | undefined;
  #isCommitting = false;
  #isSealed = false;
  #error: unknown;

  constructor(response: ServerResponse, work: ResponseWork) {
    this.#response = response;
    this.#work = work;
    this.#outlet = new ResponseOutlet(response);
  }

  writeHead(args: HeadArguments): ServerResponse {
    const head = responseHead(args);
    this.#begin(head);
    if (isHttp2(this.#response)) this.#holdWhatEndsWithHead(head);
    if (this.#held !== undefined) this.#held.writeHead(head);
    else if (this.#stage !== 'failed') this.#outlet.writeHead(args, this.#stage !== 'streaming');
    return this.#response;
  }

  flushHeaders(): void {
    const head = implicitHead(this.#response);
    this.#begin(head);
    this.#holdWhatEndsWithHead(head);
    if (this.#held !== undefined) this.#held.flushHeaders();
    else if (this.#stage === 'streaming' && this.#outlet.isWhole) return;
    else if (this.#stage !== 'failed') this.#outlet.call('flushHeaders', []);
  }

  write(args: readonly unknown[]): boolean {
    if (this.#stage === 'done') return this.#outlet.write(args);
    refuseInvalidChunk(args[0]);
    const head = implicitHead(this.#response);
    this.#begin(head);
    if (isHttp2(this.#response)) this.#holdWhatEndsWithHead(head);
    // More of a body than the head allows for: Node is the one to say so. (On http2 a flush that is made again is held
    // again, as the head that it makes.)
    while (this.#held?.awaitsEnd && !this.#held.comesToNothing(args)) this.#release();
    if (this.#held !== undefined) return this.#held.write(args);
    if (this.#stage === 'failed') return swallowWrite(args, this.#error);
    return this.#stage === 'streaming' ? this.#outlet.stream(args) : this.#outlet.write(args);
  }

  end(args: readonly unknown[]): ServerResponse {
    if (this.#stage !== 'done' && args[0] && typeof args[0] !== 'function') refuseInvalidChunk(args[0]);
    // A commit that begins with the end sees every change; one that began before does not.
    const isLast = this.#begin(implicitHead(this.#response), true);
    if (this.#held !== undefined) {
      this.#held.end(args);
      if (isLast) this.#seal();
      else if (!this.#isCommitting) this.#endHeld();
    } else {
      if (isLast) this.#seal();
      else if (this.#stage === 'streaming') this.#commitLate();
      this.#endNow(args);
    }
    return this.#response;
  }

  corking(method: 'cork' | 'uncork'): () => void {
    const real = this.#response[method];
    return () => (this.#held === undefined ? real.call(this.#response) : this.#held[method](real));
  }

  /** The client went away, or all is done. */
  close(): void {
    this.#work.over?.();
    if (this.#stage !== 'done' && this.#stage !== 'failed' && !this.#held?.ended) this.#abandon();
  }

  /** @returns whether the session's first commit began here */
  #begin({ statusCode }: ResponseHead, isEnded = false): boolean {
    if (this.#stage !== 'open') return false;
    if (isGone(this.#response)) {
      this.#abandon();
      return false;
    }
    refuseInvalidHead({ statusCode, message: undefined, headers: undefined });
    this.#stage = 'streaming';
    // A head that bypassed the hold: only the late commit is left to do.
    if (this.#outlet.headHasLeft) {
      this.#work.headersLeft?.();
      return false;
    }
    try {
      const result = this.#work.commit(statusCode, isEnded);
      if (result instanceof Promise) this.#wait(result, (headers) => this.#committed(headers));
      else this.#outlet.decide(result);
    } catch (error) {
      this.#fail(error);
    }
    return true;
  }

  #hold(): HeldCalls {
    this.#stage = 'held';
    return (this.#held ??= new HeldCalls(this.#response));
  }

  #wait<T>(commit: Promise<T>, then: (value: T) => void): void {
    this.#hold();
    this.#isCommitting = true;
    void commit.then(
      (value) => {
        this.#isCommitting = false;
        then(value);
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #committed(headers: SessionHeaders): void {
    this.#outlet.decide(headers);
    const held = this.#held;
    if (held === undefined) return;
    if (held.ended && !this.#isSealed) this.#endHeld();
    else if (!held.ended && held.isHeadOnly) held.awaitEnd();
    else this.#release();
  }

  /** Before anything of an ended answer leaves: what was changed while it was held. */
  #endHeld(): void {
    this.#commitLate();
    if (!this.#isCommitting) this.#release();
  }

  #commitLate(): void {
    try {
      const late = this.#work.commitLate(this.#held !== undefined);
      if (late instanceof Promise) this.#wait(late, () => this.#release());
    } catch (error) {
      this.#fail(error);
    }
    this.#seal();
  }

  #seal(byFault = false): void {
    if (this.#isSealed) return;
    this.#isSealed = true;
    this.#work.seal(byFault);
  }

  #endNow(args: readonly unknown[]): void {
    if (this.#held !== undefined) this.#held.end(args);
    else if (this.#stage === 'failed') swallowEnd(this.#response, args);
    else {
      this.#stage = 'done';
      this.#outlet.end(args);
    }
  }

  /** Makes the calls that were held. */
  #release(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#stage = held.ended ? 'done' : 'streaming';
    try {
      held.replay((method, args) => {
        if (method === 'writeHead') return this.#outlet.writeHead([this.#response.statusCode], held.ended);
        if (method === 'end') return this.#outlet.end(args);
        return method === 'write' && !held.ended ? this.#outlet.stream(args) : this.#outlet.call(method, args);
      });
    } catch (error) {
      // Node refuses what the app did, and it is too late to throw that at the app.
      process.emitWarning(error instanceof Error ? error : String(error));
      this.#drop(held, error);
      this.#answerInstead(error, { status: 500, code: 'ANSWER_INVALID' });
    }
  }

  /**
   * An answer without a body is whole with its head, so the head waits for the end. Node keeps a
   * head back by itself until there is a body or the end; http2 and `flushHeaders` do not.
   */
  #holdWhatEndsWithHead(head: ResponseHead): void {
    if (this.#stage !== 'streaming' || this.#outlet.headHasLeft) return;
    if (endsWithHead(this.#response, head)) this.#hold().awaitEnd();
  }

  #abandon(): void {
    const held = this.#held;
    this.#stage = 'done';
    this.#held = undefined;
    this.#work.abandon();
    this.#work.over?.();
    held?.drop(nodeError('ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed'), false);
  }

  #fail(error: unknown): void {
    if (this.#stage === 'done') return;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#drop(held, error);
    const mayHandOver = held?.ended === true && this.isWrapped?.() === false;
    this.#answerInstead(error, answerOfFailure(error), mayHandOver);
  }

  #drop(held: HeldCalls, error: unknown): void {
    held.reveal();
    held.drop(error, !this.#outlet.headHasLeft && !isGone(this.#response));
  }

  #answerInstead(error: unknown, answer: BareAnswer, mayHandOver = false): void {
    const response = this.#response;
    this.#error = error;
    this.#seal(answer.status === 503);
    // While it is sent all calls pass: others' methods, and http2's own, call each other through ours.
    this.#stage = 'done';
    if (mayHandOver && handOver(response, this.#outlet, this.#work, error)) return;
    answerInstead(response, this.#outlet, this.#work, error, answer);
    this.#stage = 'failed';
    // The socket may soon carry the next answer, which this app must not cork.
    if ('cork' in response) response.cork = response.uncork = () => {};
  }
}
