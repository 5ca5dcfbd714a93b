import { readSession } from '../../lib/session.ts';

export const dynamic = 'force-static';

/** A mistake: all visitors would share one visitor's page. */
export default async function Page() {
  const { user } = await readSession();
  return <b id="user">{user ?? 'nobody'}</b>;
}
