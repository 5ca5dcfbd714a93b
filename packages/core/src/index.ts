export { type BackendChoice, type BackendInput, selectBackend } from './storage/backend.ts';
export { type Clock, systemClock } from './clock.ts';
export type { CookieAttributes, CookieOptions } from './cookie/cookie.ts';
export { type CookieSessions, type CookieSessionsOptions, cookieSessions } from './cookie/cookie-sessions.ts';
export type { DebugReport, DebugReportOptions, SessionReport } from './debug-report/debug-report.ts';
export type { Environment } from './environment.ts';
export { type SessErrorCode, SessError, isSessError } from './errors.ts';
export { type SessionEventName, type SessionEvents, channels, onSessionEvent } from './events.ts';
export type { Limits } from './session/limits.ts';
export type { Logger } from './logger.ts';
export type { CountOptions, SessionCount } from './storage/count-sessions.ts';
export { type MemoryStore, type MemoryStoreOptions, memoryStore, sharedMemoryStore } from './storage/memory-store.ts';
export type { SessionInfo } from './storage/owners.ts';
export { holdResponse } from './response/hold-response.ts';
export type { ResponseWork } from './response/response-work.ts';
export type {
  RegenerateOptions,
  Session,
  SessionCallback,
  SessionControls,
  SessionData,
  SessionDataKey,
  StorableData,
} from './session/session.ts';
export { type SessionFields, fieldsOf, resendCookie } from './session/session-fields.ts';
export type { SessionCookie } from './session/session-cookie.ts';
export type { SessionHeaders } from './response/session-headers.ts';
export { failureResponse, withSessionHeaders } from './web/web-response.ts';
export { secretFingerprint } from './cookie/secret-fingerprint.ts';
export { currentSession } from './web/current-exchange.ts';
export type { AttachOptions } from './exchange/attach-exchange.ts';
export type { HandleOptions, SessionHandler } from './web/handle-request.ts';
export { createSessions } from './sessions.ts';
export type { RevokeAllOptions, RevokeOptions, SessionExchange, Sessions } from './sessions-interface.ts';
export type { SessionsOptions } from './sessions-options.ts';
export {
  type DestroyOptions,
  type EndMarker,
  type FieldText,
  type ReplaceOutcome,
  type SessionKey,
  type SessionRecord,
  type SessionSettings,
  type SessionStore,
  type StoredSession,
  type Succession,
  type Successor,
  isEndMarker,
  isSuccession,
} from './store.ts';
export {
  type ChecksItself,
  type Closes,
  type DescribesItself,
  type Finding,
  type IndexesOwners,
  type Migrates,
  type OwnerPage,
  type StoreAbilities,
  type StoreDescription,
  type SweepReport,
  type Sweeps,
  type TellsEnds,
  type NotesApps,
  type ProbesItself,
  type WalksKeys,
  hasAbility,
} from './store-abilities.ts';
