import { ask } from './api.js';
import { createStrip, hueOf } from './strip.js';
import { showSession, showSessions } from './tables.js';

const burst = 40;
/** After this many answers in a row that all agree, we believe that the session has ended. */
const enoughToBelieve = 8;

const byId = (id) => document.getElementById(id);
const page = document.querySelector('[data-store]').dataset;
const strip = createStrip({
  list: byId('strip'),
  legend: byId('workers'),
  tally: byId('tally'),
  workers: Number(page.workers),
});

/**
 * Who this tab believes to be: an answer that does not know them is marked. Kept over reloads, since a reload may be
 * answered by a worker that does not know them either.
 */
const expected = {
  get user() {
    return sessionStorage.getItem('demo-user') ?? '';
  },
  set user(name) {
    if (name === '') sessionStorage.removeItem('demo-user');
    else sessionStorage.setItem('demo-user', name);
  },
};

function say(sentence, isProblem = false) {
  const message = byId('message');
  message.textContent = sentence;
  message.classList.toggle('problem', isProblem);
}

function showState({ user, worker, pid }, kind) {
  const loggedIn = user !== null;
  byId('speaker').textContent = `Worker ${worker} (pid ${pid}) says`;
  byId('speaker-swatch').textContent = worker;
  byId('speaker-swatch').dataset.hue = hueOf(worker);
  byId('state-card').dataset.kind = kind;
  byId('state').textContent = loggedIn ? `Logged in as ${user}` : 'Logged out';
  byId('state-card').dataset.loggedIn = String(loggedIn);
}

/** The controls follow what we believe, not each answer: a button must not vanish under the pointer. */
function showControls() {
  const loggedIn = expected.user !== '';
  byId('login-form').hidden = loggedIn;
  byId('logout-forms').hidden = !loggedIn;
}

function kindOf({ user }) {
  if (expected.user === '' && user === null) return 'nobody';
  return user !== null && (expected.user === '' || user === expected.user) ? 'knew' : 'stranger';
}

/** One look at the session: who answered, and did they know us? */
async function look() {
  try {
    const me = await ask('GET', '/api/me');
    const kind = kindOf(me);
    if (kind === 'knew') expected.user = me.user;
    strip.add({ kind, worker: me.worker, pid: me.pid });
    showState(me, kind);
    return { kind, me };
  } catch (error) {
    strip.add({ kind: 'failed' });
    throw error;
  }
}

async function showTables(me) {
  if (me !== undefined) showSession(me);
  if (page.store === 'cookie') {
    showSessions([], 'Sessions in cookies are not listed anywhere: the server keeps nothing.', revoke);
    return;
  }
  const sessions = await ask('GET', '/api/sessions');
  const hint = 'Log in, also in another browser or a private window, to see them side by side.';
  showSessions(sessions, sessions.length === 0 ? hint : '', revoke);
}

/** Looks once and brings every part of the page up to date. */
async function refresh() {
  const { me } = await look();
  showControls();
  await showTables(me);
  return me;
}

let waiting = 0;
let last = Promise.resolve();

/** One action after the other, and every failure in words. */
function act(action) {
  waiting += 1;
  document.body.setAttribute('aria-busy', 'true');
  last = last
    .then(action)
    .catch((error) => say(`${error.message}${error.code === undefined ? '' : ` (${error.code})`}`, true))
    .finally(() => {
      waiting -= 1;
      if (waiting === 0) document.body.removeAttribute('aria-busy');
    });
}

function summary(looks) {
  const count = (kind) => looks.filter((one) => one.kind === kind).length;
  const answered = looks.length - count('failed');
  const failure = looks.find((one) => one.kind === 'failed');
  const failures = failure === undefined ? '' : `${count('failed')} failed: ${failure.error.message}`;
  if (answered === 0) return failures;

  const workers = new Set(looks.flatMap(({ me }) => (me === undefined ? [] : [me.worker]))).size;
  const by = `${answered} answers from ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  const verdict =
    count('nobody') === answered
      ? 'nobody is logged in.'
      : count('knew') === answered
        ? 'every one knew you.'
        : `${count('knew')} knew you, ${count('stranger')} did not.`;
  return `${by}: ${verdict} ${failures}`.trim();
}

async function refreshMany() {
  say(`Asking ${burst} times…`);
  const looks = await Promise.all(
    Array.from({ length: burst }, () => look().catch((error) => ({ kind: 'failed', error }))),
  );
  const sentence = summary(looks);
  const strangers = looks.filter(({ kind }) => kind === 'stranger').length;
  const hasEnded = strangers === looks.length && strangers >= enoughToBelieve;
  if (hasEnded) expected.user = '';
  const isTrouble = !hasEnded && looks.some(({ kind }) => kind === 'stranger' || kind === 'failed');
  say(hasEnded ? `${sentence} Your session has ended: every worker agrees.` : sentence, isTrouble);

  showControls();
  const last = looks.findLast(({ me }) => me !== undefined);
  if (last !== undefined) await showTables(last.me);
}

/** Counts that nobody sees afterwards are lost: what atomic updates are for. */
async function countMany() {
  say(`Counting ${burst} times…`);
  const before = await ask('GET', '/api/me');
  // Without a session every count would begin one of its own: have one first.
  const start = before.handle === null ? (await ask('POST', '/api/count')).views : before.views;

  const counts = await Promise.allSettled(Array.from({ length: burst }, () => ask('POST', '/api/count')));
  const answered = counts.filter(({ status }) => status === 'fulfilled');
  const failed = counts.find(({ status }) => status === 'rejected');

  const me = await refresh();
  const seen = Math.max(me.views, ...answered.map(({ value }) => value.views));
  const wanted = start + answered.length;
  const lost = Math.max(0, wanted - seen);
  const failures =
    failed === undefined ? '' : ` ${counts.length - answered.length} counts failed: ${failed.reason.message}`;
  const figures = `${answered.length} counts on top of ${start}: expected ${wanted}, seen ${seen}.`;
  say(`${figures} ${lost === 0 ? 'None lost.' : `${lost} lost.`}${failures}`, lost > 0 || failed !== undefined);
}

function revoke(handle) {
  act(async () => {
    await ask('POST', `/api/sessions/${handle}/revoke`);
    await refresh();
    say('That session has ended. Whoever held it is logged out.');
    byId('sessions-title').focus();
  });
}

function onSubmit(id, action) {
  byId(id).addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => action(event.target));
  });
}

onSubmit('login-form', async (form) => {
  const { user } = await ask('POST', '/api/login', { user: byId('user').value });
  expected.user = user;
  form.reset();
  await refresh();
  say(`Logged in as ${user}. Now refresh 40 times: does every worker know you?`);
  byId('refresh-40').focus();
});

onSubmit('logout-form', async () => {
  await ask('POST', '/api/logout');
  expected.user = '';
  await refresh();
  say('Logged out.');
  byId('user').focus();
});

onSubmit('logout-everywhere-form', async () => {
  const { revoked } = await ask('POST', '/api/logout-everywhere');
  expected.user = '';
  await refresh();
  say(revoked === 0 ? 'Logged out. There was no other session.' : `Logged out, and ${revoked} more with it.`);
  byId('user').focus();
});

byId('refresh-40').addEventListener('click', () => act(refreshMany));
byId('count-40').addEventListener('click', () => act(countMany));
byId('refresh-1').addEventListener('click', () => {
  act(async () => {
    const me = await refresh();
    say(`Worker ${me.worker} ${me.user === null ? 'sees nobody logged in' : `knows you as ${me.user}`}.`);
  });
});

document.querySelectorAll('[data-scripted]').forEach((card) => card.removeAttribute('hidden'));
if (page.user !== '') expected.user = page.user;
act(refresh);
