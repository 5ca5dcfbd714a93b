import { fileURLToPath } from 'node:url';
import type { DemoDescription } from './start-demo.ts';

export const nextDemo: DemoDescription = {
  framework: 'Next',
  command: 'npm run demo:next',
  main: fileURLToPath(new URL('../../apps/next-demo/dist/main.js', import.meta.url)),
  drawsPage: true,
  variesBy: [
    'rsc',
    'next-router-state-tree',
    'next-router-prefetch',
    'next-router-segment-prefetch',
    'Accept-Encoding',
  ],
};
