/**
 * What a bundler finds when a component of the browser imports this package: `server-only` makes Next.js end the build
 * with a sentence that names the file. Without it the bundler would fail somewhere in Node.js's modules.
 */
import 'server-only';

/** Sessions are on the server: in a browser this throws. */
export function createNextSessions(): never {
  throw new Error('@sess/next belongs to the server.');
}

export { createNextSessions as createPagesSessions };
