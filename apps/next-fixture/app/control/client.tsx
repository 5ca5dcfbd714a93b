'use client';

import { Redis } from 'ioredis';
import { lock } from 'proper-lockfile';

/** The control of a search: a bundle for browsers that does contain what must be in none. */
export function Control() {
  return <p>{`${typeof Redis} ${typeof lock}`}</p>;
}
