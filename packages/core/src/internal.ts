/**
 * What the packages of this project share with each other. Not for apps, nor for the stores and adapters of others, which
 * need no more than the entry beside it. A package may meet a later core than its own: within a major version nothing is
 * removed here.
 *
 * @packageDocumentation
 */
export { cookieOfOne } from './cookie/cookie.ts';
export { isOfCors } from './response/bare-answer.ts';
export { beginDeadline } from './deadline.ts';
export { type Environment, processEnvironment, variable } from './environment.ts';
export { type AppStorage, appStorage } from './storage/app-storage.ts';
export { type Exposing, type ExposedProperty, type MiddlewareOptions, exposing } from './exchange/exposing.ts';
export { silencerOf } from './exchange/silencer.ts';
export { endListeners } from './live/end-listeners.ts';
export { isSessions } from './is-sessions.ts';
export { assertKnownOptions } from './known-options.ts';
export { touchAnyway } from './session/session-fields.ts';
export { isDestroyed } from './session/session-object.ts';
export { copyOfFields, emptyFields, setField, stringOf } from './record-fields.ts';
export type { BoundedStore } from './bounded-store.ts';
export { tryStore } from './storage/try-store.ts';
export { CallsInOrder, type InOrder } from './calls-in-order.ts';
export { WorkInHand } from './work-in-hand.ts';
export { developmentFingerprint } from './cookie/development-secret.ts';
export { sessionDirectory } from './storage/session-directory.ts';
export { sharedWith } from './storage/shared-storage.ts';
export { sessionAround } from './web/current-exchange.ts';
