import { hasty } from '../../lib/session.ts';

export default async function Page() {
  const { user } = await hasty.readSession();
  return <b id="user">{user ?? 'nobody'}</b>;
}
