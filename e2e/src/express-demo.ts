import { fileURLToPath } from 'node:url';
import type { DemoDescription } from './start-demo.ts';

export const expressDemo: DemoDescription = {
  framework: 'Express',
  command: 'npm start',
  main: fileURLToPath(new URL('../../apps/express-demo/dist/main.js', import.meta.url)),
};
