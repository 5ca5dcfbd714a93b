import { readSession } from '../../lib/session.ts';

export default async function Page() {
  const session = await readSession();
  Object.assign(session, { user: 'mallory' });
  return <p>written</p>;
}
