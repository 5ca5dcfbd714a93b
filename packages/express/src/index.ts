export type { MiddlewareOptions } from '@sess/core/internal';
export { type SessionMiddleware, session } from './middleware.ts';
