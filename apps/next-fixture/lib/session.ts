import { createNextSessions } from '@sess/next';

declare module '@sess/core' {
  interface SessionData {
    user?: string;
    views?: number;
    cart?: { item: string }[];
  }
}

export const { readSession, withSession, sessions } = createNextSessions();

/** Sessions that are touched with every request. */
export const hasty = createNextSessions({ touchAfterMs: 1, cookie: { name: 'hasty', secure: false } });

const slot = Symbol.for('next-fixture loads');

/** How often Next.js has loaded this module in this process. */
export const loads = (): unknown => Reflect.get(globalThis, slot);
Reflect.set(globalThis, slot, Number(loads() ?? 0) + 1);
