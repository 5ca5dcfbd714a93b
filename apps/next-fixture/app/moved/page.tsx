import { readSession } from '../../lib/moved.ts';
import { count } from './actions.ts';

export default async function Page() {
  const { user, views } = await readSession();
  return (
    <form action={count} id="count">
      <b id="user">{user ?? 'nobody'}</b> <i id="views">{views ?? 0}</i>
    </form>
  );
}
