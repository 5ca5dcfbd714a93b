import type { RequestListener } from 'node:http';
import type { Sessions } from '@sess/core';
import type { Demo } from './demo.ts';

export interface DemoApp {
  /** As people write it, for example `Express`. */
  readonly framework: string;
  /** What starts it, for example `npm start`: for sentences that say how to start it otherwise. */
  readonly command: string;
  /** It runs as it was built for production, so its processes run with NODE_ENV=production. */
  readonly isBuilt?: boolean;
  createListener(parts: { sessions: Sessions; demo: Demo }): RequestListener | Promise<RequestListener>;
}
