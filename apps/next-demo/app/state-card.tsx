import type { Answerer } from '@sess/demo-kit';
import { readSession } from '../lib/session.ts';
import { login, logout, logoutEverywhere } from './actions.ts';

/** Who one is, and the forms that change it: Server Actions, which the page's script overtakes where there is one. */
export async function StateCard({ worker, pid }: Answerer) {
  const { userId } = await readSession();
  const isLoggedIn = userId !== undefined;
  return (
    <section className="card state" aria-labelledby="state" data-logged-in={String(isLoggedIn)} id="state-card">
      <div className="state-text">
        <p className="eyebrow speaker">
          <span className="cell" id="speaker-swatch" data-hue={((worker - 1) % 8) + 1} aria-hidden="true">
            {worker}
          </span>
          <span id="speaker">{`Worker ${worker} (pid ${pid}) says`}</span>
        </p>
        <h1 id="state">{isLoggedIn ? `Logged in as ${userId}` : 'Logged out'}</h1>
      </div>
      <form className="login" id="login-form" action={login} hidden={isLoggedIn}>
        <label htmlFor="user">Your name</label>
        <div className="field-row">
          <input id="user" name="user" required maxLength={64} autoComplete="off" defaultValue="Ada" />
          <button className="button primary large" type="submit">
            Log in
          </button>
        </div>
        <p className="hint">Any name will do. There is no password.</p>
      </form>
      <div className="logout" id="logout-forms" hidden={!isLoggedIn}>
        <form action={logout} id="logout-form">
          <button className="button" type="submit">
            Log out
          </button>
        </form>
        <form action={logoutEverywhere} id="logout-everywhere-form">
          <button className="button" type="submit">
            Log out everywhere
          </button>
        </form>
      </div>
    </section>
  );
}
