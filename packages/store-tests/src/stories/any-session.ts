import type { Session } from '@sess/core';

/** A session whose data needs no declaration. */
export type AnySession = Session & {
  update(key: string, fn: (current: unknown) => unknown): Promise<unknown>;
  [key: string]: unknown;
};
