import { ask } from './api.js';

/**
 * One place that keeps this visitor's sessions, with its row of answers. Knows who this tab believes to be logged in
 * there: an answer that does not know them is marked. That is kept over reloads, since a reload may be answered by a
 * worker that does not know them either.
 */
export function createSide({ path, memo, strip }) {
  const side = {
    get user() {
      return sessionStorage.getItem(memo) ?? '';
    },
    set user(name) {
      if (name === '') sessionStorage.removeItem(memo);
      else sessionStorage.setItem(memo, name);
    },

    /** One look at the session: who answered, and did they know us? */
    async look() {
      try {
        const me = await ask('GET', `${path}/api/me`);
        const kind = kindOf(me);
        if (kind === 'knew') side.user = me.user;
        strip.add({ kind, worker: me.worker, pid: me.pid });
        return { kind, me };
      } catch (error) {
        strip.add({ kind: 'failed' });
        throw error;
      }
    },
  };

  function kindOf({ user }) {
    if (side.user === '' && user === null) return 'nobody';
    return user !== null && (side.user === '' || user === side.user) ? 'knew' : 'stranger';
  }

  return side;
}

/** The memory of each worker, as a side that does what the visitor does on the page. */
export function createMemorySide(strip) {
  const side = createSide({ path: '/memory', memo: 'demo-memory-user', strip });
  /** The worker that took the login: the only one that knows of it. */
  let holder;

  return Object.assign(side, {
    /** Logs in as this user, or out for `''`. */
    async follow(user) {
      if (side.user === user) return;
      const path = user === '' ? 'logout' : `login?user=${encodeURIComponent(user)}`;
      const { worker } = await ask('POST', `/memory/api/${path}`);
      side.user = user;
      holder = user === '' ? undefined : worker;
    },
    holder: () => holder,
  });
}
