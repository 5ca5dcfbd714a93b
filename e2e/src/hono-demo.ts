import { fileURLToPath } from 'node:url';
import type { DemoDescription } from './start-demo.ts';

export const honoDemo: DemoDescription = {
  framework: 'Hono',
  command: 'npm run demo:hono',
  main: fileURLToPath(new URL('../../apps/hono-demo/dist/main.js', import.meta.url)),
};
