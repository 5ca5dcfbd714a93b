/**
 * Node's timers as they were when the store was loaded. Tests of an app replace the global ones, and then no command of
 * a session would ever leave.
 */
export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout;
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
