import { randomBytes } from 'node:crypto';
import type { Terminal } from '../terminal.ts';

/** Prints a new secret and nothing else: `SECRET_KEY=$(npx @sess/cli secret)`. */
export function secret({ out }: Terminal): void {
  // 256 bits, as much as HMAC-SHA256 can use. No character that a shell, a URL or a .env file would change.
  out.line(randomBytes(32).toString('base64url'));
}
