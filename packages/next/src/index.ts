export { type NextSessions, type SessionFunction, createNextSessions } from './app-router.ts';
export type { DeepReadonly, ReadonlySession } from './readonly-session.ts';
export type { NextSessionsOptions } from './shared-sessions.ts';
