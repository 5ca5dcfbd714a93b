import { createNextSessions } from '@sess/next';
import { demoParts } from './demo.ts';

/** Most apps write `createNextSessions()`. Here the demo's switches choose the store. */
export const { readSession, withSession } = createNextSessions(() => demoParts().sessions);
