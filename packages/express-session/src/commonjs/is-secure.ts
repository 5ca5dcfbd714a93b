import type { IncomingMessage } from 'node:http';

/**
 * Whether a request came over https.
 *
 * @param proxy whether `X-Forwarded-Proto` is believed; absent: what Express says (`trust proxy`)
 */
export function isSecure(request: IncomingMessage, proxy: boolean | undefined): boolean {
  if (Reflect.get(request.socket ?? {}, 'encrypted') === true) return true;
  if (proxy === false) return false;
  if (proxy !== true) return Reflect.get(request, 'secure') === true;
  const [first = ''] = String(request.headers['x-forwarded-proto'] ?? '').split(',');
  return first.trim().toLowerCase() === 'https';
}
