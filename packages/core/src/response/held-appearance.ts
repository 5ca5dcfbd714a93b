import { STATUS_CODES, type ServerResponse } from 'node:http';

import { keepFromClosing } from './closing-server.ts';
import { destroyLater } from './late-destroy.ts';
import { inheritedNumber, isConnected, isHttp2, refuseHeader } from './node-response.ts';

/** What the app has done to a response whose bytes are held back. */
export interface HeldProgress {
  /** The app has called `end`. */
  readonly ended: boolean;
  /** Bytes of body that wait. */
  readonly waitingBytes: number;
  /** A `write` has answered `false`, so the app waits for 'drain'. */
  readonly needsDrain: boolean;
  /** How often the app has corked since the hold began, and not uncorked again. */
  readonly corks: number;
}

/** The look of a response as if what the app did had been sent: the head is out, perhaps the end too. */
export interface HeldAppearance {
  /** The app has done something more. */
  show(): void;
  takeOff(): void;
}

/** Where a response keeps what is shown of it. (A `WeakMap` costs more, for each held answer.) */
const worn: unique symbol = Symbol.for('@sess/core held back');

type HeldResponse = ServerResponse & { [worn]?: HeldProgress | undefined };

/** An accessor on node:http too, and not the field: Node would cork the connection as often as the field says. */
const heldCorks: PropertyDescriptorMap = {
  writableCorked: shown((held, response) => inheritedNumber(response, 'writableCorked') + held.corks),
};

const http2Body: PropertyDescriptorMap = {
  ...heldCorks,
  writableFinished: shown(() => false),
  writableLength: shown((held, response) => inheritedNumber(response, 'writableLength') + held.waitingBytes),
  writableNeedDrain: shown((held, response) => !response.destroyed && !held.ended && held.needsDrain),
  finished: shown((held) => held.ended),
  writableEnded: shown((held) => held.ended),
};

const anyHead: PropertyDescriptorMap = {
  headersSent: shown(() => true),
  _header: shown(() => true),
  setHeader: shown((_, response) => () => refuseHeader(response, 'set')),
  appendHeader: shown((_, response) => () => refuseHeader(response, 'append')),
  removeHeader: shown((_, response) => () => refuseHeader(response, 'remove')),
};

/** Worn only while a hold really waits. Of two holds on one response the first that waits decides what is shown. */
export function wearHeldAppearance(response: HeldResponse, progress: HeldProgress): HeldAppearance {
  if (response[worn] !== undefined) return { show() {}, takeOff() {} };
  response[worn] = progress;
  const isPlain = isConnected(response) && !isHttp2(response);
  const node = response as NodeResponse;
  const takeOffHead = response.headersSent ? () => {} : isPlain ? wearHead(node) : wear(response, anyHead);
  const body = isPlain ? new HeldBody(node, progress) : { show() {}, takeOff: wear(response, bodyOf(response)) };
  return {
    show: () => body.show(),
    takeOff() {
      // It was taken off already, and another hold's may be worn by now.
      if (response[worn] !== progress) return;
      response[worn] = undefined;
      takeOffHead();
      body.takeOff();
    },
  };
}

/**
 * Of a response without a connection only the head is shown as sent: serverless adapters take the answer as soon as it
 * looks `finished`, and would take it without its body and its cookie.
 */
function bodyOf(response: ServerResponse): PropertyDescriptorMap {
  return isHttp2(response) ? http2Body : {};
}

/** What node:http's getters read. (A response that imitates one gets them too, and does not look at them.) */
interface NodeFields {
  _header: string | null;
  outputSize: number;
  finished: boolean;
  [name: symbol]: unknown;
}

type NodeResponse = ServerResponse & NodeFields;

/**
 * One field of node:http makes all of the difference: `headersSent`, the refusal of later headers,
 * and what older libraries look at (compression, finalhandler, morgan).
 */
function wearHead(response: NodeResponse): () => void {
  const { statusCode, statusMessage } = response;
  response.statusMessage = statusMessage || (STATUS_CODES[statusCode] ?? 'unknown');
  response._header = `HTTP/1.1 ${statusCode} ${response.statusMessage}\r\n\r\n`;
  return () => {
    response._header = null;
    response.statusMessage = statusMessage;
  };
}

/**
 * What is left to be seen are getters of node:http over its fields. The fields are set, since all else costs more than
 * the hold itself: a prototype put before the response's own 15 to 20 us, accessors of its own twice that.
 */
class HeldBody implements HeldAppearance {
  readonly #response: NodeResponse;
  readonly #progress: HeldProgress;
  readonly #needsDrain: symbol;
  readonly #neededDrain: unknown;
  #shownBytes = 0;
  /** Few apps cork. */
  #takeOffCorks: (() => void) | undefined;
  #letClose: (() => void) | undefined;
  #letDestroy: (() => void) | undefined;

  constructor(response: NodeResponse, progress: HeldProgress) {
    this.#response = response;
    this.#progress = progress;
    this.#needsDrain = needsDrainField(response);
    this.#neededDrain = response[this.#needsDrain];
  }

  show(): void {
    const response = this.#response;
    const { waitingBytes, needsDrain, corks, ended } = this.#progress;
    // The head is a byte at least.
    this.#showBytes(Math.max(1, waitingBytes));
    response[this.#needsDrain] = needsDrain;
    if (corks !== 0) this.#takeOffCorks ??= wear(response, heldCorks);
    if (!ended) return;
    // `writableEnded` reads it.
    response.finished = true;
    // An app may end more than once.
    this.#letClose ??= keepFromClosing(response);
    this.#letDestroy ??= destroyLater(response);
  }

  takeOff(): void {
    const response = this.#response;
    this.#showBytes(0);
    response[this.#needsDrain] = this.#neededDrain;
    this.#takeOffCorks?.();
    this.#letClose?.();
    this.#letDestroy?.();
    response.finished = false;
  }

  /** Bytes that wait for the socket: `writableLength` counts them, and `writableFinished` wants none. */
  #showBytes(bytes: number): void {
    this.#response.outputSize = Math.max(0, this.#response.outputSize + bytes - this.#shownBytes);
    this.#shownBytes = bytes;
  }
}

let needsDrainSymbol: symbol | undefined;

/** A field whose name is a symbol of node:http's own. Where there is none `writableNeedDrain` does not know of the hold. */
function needsDrainField(response: ServerResponse): symbol {
  return (needsDrainSymbol ??=
    Object.getOwnPropertySymbols(response).find(({ description }) => description === 'kNeedDrain') ??
    Symbol('kNeedDrain'));
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
    get(this: HeldResponse) {
      const held = this[worn];
      return held === undefined ? undefined : show(held, this);
    },
    set() {},
  };
}
