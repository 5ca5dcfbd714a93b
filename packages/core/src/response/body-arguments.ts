import { freshResponse } from './node-response.ts';

/** A callback of `write` or `end`. */
export type BodyCallback = (error?: unknown) => void;

/** The arguments of `write` and `end`, sorted out. */
export interface BodyArguments {
  chunk: string | Uint8Array | undefined;
  encoding: BufferEncoding | undefined;
  callback: BodyCallback | undefined;
}

/** Any of the shapes: `(chunk, encoding, callback)`, `(chunk, callback)`, `(callback)`. */
export function bodyArguments(args: readonly unknown[]): BodyArguments {
  const [chunk, encoding] = args;
  return {
    chunk: isChunk(chunk) ? chunk : undefined,
    encoding: typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : undefined,
    callback: args.find(isCallback),
  };
}

/** Throws what Node throws at something that is not a chunk. */
export function refuseInvalidChunk(chunk: unknown): void {
  if (!isChunk(chunk)) freshResponse().write(chunk);
}

function isChunk(value: unknown): value is string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function isCallback(value: unknown): value is BodyCallback {
  return typeof value === 'function';
}

export function chunkLength({ chunk, encoding }: BodyArguments): number {
  if (chunk === undefined) return 0;
  return typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.byteLength;
}

export function chunkBytes({ chunk, encoding }: BodyArguments): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding);
  return chunk === undefined ? Buffer.alloc(0) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
