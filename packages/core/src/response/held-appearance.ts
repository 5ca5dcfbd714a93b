import { STATUS_CODES, type ServerResponse } from 'node:http';

import { keepFromClosing } from './closing-server.ts';
import { disguises, inheritedNumber, isHttp2, refuseHeader } from './node-response.ts';

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
  cork(): void;
  uncork(): void;
}

/** The look of a response as if what the app did had been sent: the head is out, perhaps the end too. */
export interface HeldAppearance {
  /** The app has called `end`. */
  showEnd(): void;
  takeOff(): void;
}

const progressOf = new WeakMap<ServerResponse, HeldProgress>();

// Shared by all responses: accessors made for each would take five times as long.
const body: PropertyDescriptorMap = {
  writableFinished: shown(() => false),
  writableLength: shown((held, response) => inheritedNumber(response, 'writableLength') + held.waitingBytes),
  writableNeedDrain: shown((held, response) => !response.destroyed && !held.ended && held.needsDrain),
  writableCorked: shown((held, response) => inheritedNumber(response, 'writableCorked') + held.corks),
  cork: shown((held) => () => held.cork()),
  uncork: shown((held) => () => held.uncork()),
};

const http2Body: PropertyDescriptorMap = {
  ...body,
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
  if (progressOf.has(response)) return { showEnd() {}, takeOff() {} };
  progressOf.set(response, progress);
  const plain = !isHttp2(response);
  const takeOffHead = response.headersSent ? () => {} : plain ? wearHead(response) : wear(response, http2Head);
  const takeOffBody = plain ? wearBody(response) : wear(response, http2Body);
  let letClose: (() => void) | undefined;
  return {
    showEnd() {
      // A plain field of node:http, which `writableEnded` reads.
      if (!plain) return;
      Reflect.set(response, 'finished', true);
      // An app may end more than once.
      letClose ??= keepFromClosing(response);
    },
    takeOff() {
      if (!progressOf.delete(response)) return;
      takeOffHead();
      takeOffBody();
      if (!plain) return;
      letClose?.();
      Reflect.set(response, 'finished', false);
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

const heldPrototypes = new WeakMap<object, object>();

/**
 * By a prototype that stands before the real one, the same for all responses of a kind: accessors of a response's own
 * would make an object of it that is slow for the rest of its life.
 */
function wearBody(response: ServerResponse): () => void {
  const real: unknown = Object.getPrototypeOf(response);
  for (const name in body) if (Object.hasOwn(response, name)) return wear(response, body);
  if (typeof real !== 'object' || real === null) return wear(response, body);
  let held = heldPrototypes.get(real);
  if (held === undefined) {
    const made: object = Object.create(real, body);
    disguises.add(made);
    heldPrototypes.set(real, (held = made));
  }
  Object.setPrototypeOf(response, held);
  return () => {
    // An app within the app may have given it its own.
    if (Object.getPrototypeOf(response) === held) Object.setPrototypeOf(response, real);
  };
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
