export { type SessionPluginOptions, session } from './plugin.ts';
