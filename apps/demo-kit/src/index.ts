export { type Answerer, answerer } from './session-data.ts';
export { asset } from './assets.ts';
export { type Demo, type DemoOptions, type Input, createDemo } from './demo.ts';
export { type DemoSessions, createDemoSessions } from './demo-sessions.ts';
export { type DemoApp, launch } from './launch.ts';
export { type LaunchOptions, type StoreName, UsageError, launchOptions, usage } from './launch-options.ts';
export { type ProblemCode, Problem, notFound, problemReply } from './problems.ts';
export { type Reply, jsonReply } from './reply.ts';
