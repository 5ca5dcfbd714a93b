import { fileURLToPath } from 'node:url';
import type { DemoDescription } from './start-demo.ts';

export const koaDemo: DemoDescription = {
  framework: 'Koa',
  command: 'npm run demo:koa',
  main: fileURLToPath(new URL('../../apps/koa-demo/dist/main.js', import.meta.url)),
};
