import { STATUS_CODES, type ServerResponse } from 'node:http';

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

const refusals = {
  setHeader: 'set',
  setHeaders: 'set',
  appendHeader: 'append',
  removeHeader: 'remove',
  writeHead: 'write',
};

/**
 * Lets a response look as if what the app did had been sent: the head is out, perhaps the end too.
 * Own properties over those of the prototype, and only while the hold really waits.
 *
 * @returns what takes the appearance off again
 */
export function wearHeldAppearance(response: ServerResponse, progress: HeldProgress): () => void {
  const takeOff: (() => void)[] = [];
  if (!response.headersSent) {
    takeOff.push(wear(response, 'headersSent', () => true));
    // Older libraries look at Node's own field (finalhandler, morgan, compression).
    takeOff.push(wear(response, '_header', () => `HTTP/1.1 ${response.statusCode}\r\n\r\n`));
    if (!isHttp2(response)) {
      const { statusCode, statusMessage } = response;
      takeOff.push(wear(response, 'statusMessage', () => statusMessage || (STATUS_CODES[statusCode] ?? 'unknown')));
    }
    for (const name of ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const) {
      const refuse = (): never => refuseHeader(response, name);
      takeOff.push(wear(response, name, () => refuse));
    }
  }
  const cork = (): void => progress.cork();
  const uncork = (): void => progress.uncork();
  takeOff.push(
    wear(response, 'cork', () => cork),
    wear(response, 'uncork', () => uncork),
    wear(response, 'writableCorked', () => inheritedNumber(response, 'writableCorked') + progress.corks),
    wear(response, 'finished', () => progress.ended),
    wear(response, 'writableEnded', () => progress.ended),
    wear(response, 'writableFinished', () => false),
    wear(response, 'writableLength', () => inheritedNumber(response, 'writableLength') + progress.waitingBytes),
    wear(response, 'writableNeedDrain', () => !response.destroyed && !progress.ended && progress.needsDrain),
  );
  return () => takeOff.forEach((restore) => restore());
}

/** Whether the response is http2's imitation of one. */
export function isHttp2(response: ServerResponse): boolean {
  return response.req.httpVersionMajor >= 2;
}

/** What a property says without the appearance. */
export function inheritedNumber(response: ServerResponse, name: 'writableLength' | 'writableCorked'): number {
  return Number(Reflect.get(Object.getPrototypeOf(response), name, response));
}

/** @throws as Node does at a header that comes after the head */
export function refuseHeader(response: ServerResponse, method: keyof typeof refusals): never {
  throw isHttp2(response)
    ? nodeError('ERR_HTTP2_HEADERS_SENT', 'Response has already been initiated.')
    : nodeError('ERR_HTTP_HEADERS_SENT', `Cannot ${refusals[method]} headers after they are sent to the client`);
}

/** An error that programs can not tell from Node's own. */
export function nodeError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function wear(response: ServerResponse, name: string, get: () => unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(response, name);
  if (before === undefined && !(name in response)) return () => {};
  Object.defineProperty(response, name, {
    configurable: true,
    enumerable: before?.enumerable ?? true,
    get,
    set: () => {},
  });
  return () => {
    if (Object.getOwnPropertyDescriptor(response, name)?.get !== get) return;
    if (before === undefined) Reflect.deleteProperty(response, name);
    else Object.defineProperty(response, name, before);
  };
}
