import { STATUS_CODES, type ServerResponse } from 'node:http';

import { keepFromClosing } from './closing-server.ts';
import { inheritedNumber, isHttp2, refuseHeader } from './node-response.ts';

/** What the app has done to a response whose bytes are held back. */
export interface HeldProgress {
  /** The app has called `end`. */
  readonly ended: boolean;
  /** Bytes of body that wait. */
  readonly waitingBytes: number;
  /** A `write` has answered `false`, so the app waits for 'drain'. */
  readonly needsDrain: boolean;
  /** How often the app has corked, and not uncorked again. */
  readonly corks: number;
}

/** The look of a response as if what the app did had been sent: the head is out, perhaps the end too. */
export interface HeldAppearance {
  /** The app has done something more. */
  show(): void;
  takeOff(): void;
}

const progressOf = new WeakMap<ServerResponse, HeldProgress>();

const http2Body: PropertyDescriptorMap = {
  writableFinished: shown(() => false),
  writableLength: shown((held, response) => inheritedNumber(response, 'writableLength') + held.waitingBytes),
  writableNeedDrain: shown((held, response) => !response.destroyed && !held.ended && held.needsDrain),
  writableCorked: shown((held, response) => inheritedNumber(response, 'writableCorked') + held.corks),
  finished: shown((held) => held.ended),
  writableEnded: shown((held) => held.ended),
};

const http2Head: PropertyDescriptorMap = {
  headersSent: shown(() => true),
  _header: shown(() => true),
  setHeader: shown((_, response) => () => refuseHeader(response, 'set')),
  appendHeader: shown((_, response) => () => refuseHeader(response, 'append')),
  removeHeader: shown((_, response) => () => refuseHeader(response, 'remove')),
};

/** Worn only while a hold really waits. Of two holds on one response the one that waits first shows. */
export function wearHeldAppearance(response: ServerResponse, progress: HeldProgress): HeldAppearance {
  if (progressOf.has(response)) return { show() {}, takeOff() {} };
  progressOf.set(response, progress);
  const plain = !isHttp2(response);
  const takeOffHead = response.headersSent ? () => {} : plain ? wearHead(response) : wear(response, http2Head);
  const body = plain ? wearBody(response, progress) : { show() {}, takeOff: wear(response, http2Body) };
  return {
    show: body.show,
    takeOff() {
      if (!progressOf.delete(response)) return;
      takeOffHead();
      body.takeOff();
    },
  };
}

/**
 * One field of node:http makes all of the difference: `headersSent`, the refusal of later headers,
 * and what older libraries look at (compression, finalhandler, morgan).
 */
function wearHead(response: ServerResponse): () => void {
  const { statusCode, statusMessage } = response;
  response.statusMessage = statusMessage || (STATUS_CODES[statusCode] ?? 'unknown');
  Reflect.set(response, '_header', `HTTP/1.1 ${statusCode} ${response.statusMessage}\r\n\r\n`);
  return () => {
    Reflect.set(response, '_header', null);
    response.statusMessage = statusMessage;
  };
}

/**
 * What is left to be seen are getters of node:http over its fields. The fields are set, since all else costs more than
 * the hold itself: a prototype put before the response's own 15 to 20 us, accessors of its own twice that.
 */
function wearBody(response: ServerResponse, progress: HeldProgress): HeldAppearance {
  const { needsDrain, corks } = privateFields(response);
  const before = { needsDrain: Reflect.get(response, needsDrain), corks: response.writableCorked };
  let shownBytes = 0;
  let letClose: (() => void) | undefined;

  /** Bytes that wait for the socket: `writableLength` counts them, and `writableFinished` wants none. */
  function showBytes(bytes: number): void {
    Reflect.set(response, 'outputSize', Math.max(0, Number(Reflect.get(response, 'outputSize')) + bytes - shownBytes));
    shownBytes = bytes;
  }

  return {
    show() {
      // The head is a byte at least.
      showBytes(Math.max(1, progress.waitingBytes));
      Reflect.set(response, needsDrain, progress.needsDrain);
      Reflect.set(response, corks, before.corks + progress.corks);
      if (!progress.ended) return;
      // `writableEnded` reads it.
      Reflect.set(response, 'finished', true);
      // An app may end more than once.
      letClose ??= keepFromClosing(response);
    },
    takeOff() {
      showBytes(0);
      Reflect.set(response, needsDrain, before.needsDrain);
      Reflect.set(response, corks, before.corks);
      letClose?.();
      Reflect.set(response, 'finished', false);
    },
  };
}

/** Fields whose names are symbols of node:http's own. Where there are none two getters do not know of the hold. */
let fields: { needsDrain: symbol; corks: symbol } | undefined;

function privateFields(response: ServerResponse): { needsDrain: symbol; corks: symbol } {
  const named = (name: string): symbol =>
    Object.getOwnPropertySymbols(response).find(({ description }) => description === name) ?? Symbol(name);
  return (fields ??= { needsDrain: named('kNeedDrain'), corks: named('corked') });
}

function wear(response: ServerResponse, appearance: PropertyDescriptorMap): () => void {
  const before: PropertyDescriptorMap = {};
  for (const name in appearance) {
    const own = Object.getOwnPropertyDescriptor(response, name);
    if (own !== undefined) before[name] = own;
  }
  Object.defineProperties(response, appearance);
  return () => {
    for (const name in appearance) Reflect.deleteProperty(response, name);
    Object.defineProperties(response, before);
  };
}

function shown(show: (held: HeldProgress, response: ServerResponse) => unknown): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get(this: ServerResponse) {
      const held = progressOf.get(this);
      return held === undefined ? undefined : show(held, this);
    },
    set() {},
  };
}
