import { isSessError } from '@sess/core';

/**
 * Next.js shows the browser nothing of a server's error but its digest. With the code for a digest, the app's `error.tsx`
 * can tell a store that is away (`error.digest === 'STORE_UNAVAILABLE'`) from a mistake.
 */
export function withDigest(error: unknown): unknown {
  return isSessError(error) ? Object.assign(error, { digest: error.code }) : error;
}
