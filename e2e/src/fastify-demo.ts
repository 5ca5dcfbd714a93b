import { fileURLToPath } from 'node:url';
import type { DemoDescription } from './start-demo.ts';

export const fastifyDemo: DemoDescription = {
  framework: 'Fastify',
  command: 'npm run demo:fastify',
  main: fileURLToPath(new URL('../../apps/fastify-demo/dist/main.js', import.meta.url)),
};
