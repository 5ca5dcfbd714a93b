export { type SessionMiddleware, session } from './middleware.ts';
