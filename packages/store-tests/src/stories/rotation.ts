import type { AnySession } from './any-session.ts';

/**
 * What a rotation is: a new token for the same session. The old cookie still finds the session for a while, and nothing
 * that was sent with it is lost.
 */
export async function rotate(session: AnySession): Promise<void> {
  await session.rotate();
}
