import type {} from './session-data.ts';

export { type Adapter, AppFolder, type RunningApp } from './app-folder.ts';
export { checkPassword } from './check-password.ts';
export { faultHeaders } from './fault-headers.ts';
export { grantConfig } from './grant-config.ts';
export { serveOAuthProvider } from './oauth-provider.ts';
export { type PassportApp, testPassport } from './passport-suite.ts';
export { readmeCode } from './readme-code.ts';
export { refusalOf } from './refusal.ts';
export { type ServedApp, serve, stopServers } from './served-apps.ts';
export { type TestSessions, makeTestSessions } from './test-sessions.ts';
export { type TestStore, takeDown, testStore } from './test-store.ts';
export { Visitor } from './visitor.ts';
