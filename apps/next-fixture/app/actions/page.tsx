import { readSession } from '../../lib/session.ts';
import { count, fails, login, loginAndLeave, logout, missing, saves } from './actions.ts';

export default async function Page() {
  const { user, views } = await readSession();
  return (
    <main>
      <b id="user">{user ?? 'nobody'}</b> <i id="views">{views ?? 0}</i>
      <form action={count} id="count">
        <button>Count</button>
      </form>
      <form action={login} id="login">
        <input name="user" defaultValue="grace" />
        <button>Log in</button>
      </form>
      <form action={loginAndLeave} id="leave">
        <input name="user" defaultValue="linus" />
        <button>Log in and leave</button>
      </form>
      <form action={logout} id="logout">
        <button>Log out</button>
      </form>
      <form action={missing} id="missing">
        <button>Missing</button>
      </form>
      <form action={fails} id="fails">
        <button>Fails</button>
      </form>
      <form action={saves} id="saves">
        <button>Saves, and fails</button>
      </form>
    </main>
  );
}
