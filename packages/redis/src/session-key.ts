import type { SessionKey } from '@sess/core';

export function isSessionKey(key: unknown): key is SessionKey {
  return typeof key === 'string' && key.length === 64 && /^[0-9a-f]{64}$/.test(key);
}

/** @throws `TypeError` for what cannot be a key: core never asks for it, and Redis would take any name. */
export function assertSessionKey(key: SessionKey): void {
  if (!isSessionKey(key)) throw new TypeError('A session key is 64 lower case hex digits.');
}
