import type { SessionKey } from '@sess/core';
import { SessError } from '@sess/core/internal/thread';

export function corrupt(key: SessionKey, reason: string, cause?: unknown): SessError {
  return new SessError(
    'STORE_CORRUPT',
    `What lies under the session ${key} is not a session (${reason}). It is left as it is: remove the directory of this name to be rid of it.`,
    { cause },
  );
}

export function tooNew(key: SessionKey): SessError {
  return new SessError(
    'STORE_TOO_NEW',
    `A newer version of @sess/fs wrote the session ${key}. Update this app, or wait until the roll-out is over.`,
  );
}
