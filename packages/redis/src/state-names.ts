import { randomBytes } from 'node:crypto';

/** Names for states of sessions, 11 characters each: 6 of this store, 5 of a counter. No two states have the same. */
export function stateNames(): () => string {
  let store = newStore();
  let count = 0;
  return () => {
    count += 1;
    if (count === 36 ** 5) {
      count = 0;
      store = newStore();
    }
    return store + count.toString(36).padStart(5, '0');
  };
}

function newStore(): string {
  return randomBytes(5).toString('base64url').slice(0, 6);
}
