import type { Sessions } from '@sess/core';
import type * as kit from '@sess/demo-kit';

/**
 * What src/main.ts made of the demo's switches, and the demo kit itself: it reads files that lie beside it, so it is not
 * for a bundle. An app needs none of this.
 */
export interface DemoParts {
  readonly sessions: Sessions;
  readonly demo: kit.Demo;
  readonly kit: typeof kit;
}

export function demoParts(): DemoParts {
  return Reflect.get(globalThis, Symbol.for('next-demo parts'));
}
