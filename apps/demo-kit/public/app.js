import { ask } from './api.js';
import { createMemorySide, createSide } from './side.js';
import { createStrip, hueOf } from './strip.js';
import { hasEnded, isTrouble, summary } from './summary.js';
import { showSession, showSessions } from './tables.js';

const burst = 40;
/** While something is broken: how often the page looks, and for how long after it. */
const watchEveryMs = 150;
const watchAfterMs = 2_500;

const byId = (id) => document.getElementById(id);
const page = document.querySelector('[data-store]').dataset;
const workers = Number(page.workers);

/** The demo's own store, and beside it the memory of each worker. */
const shared = createSide({
  path: '',
  memo: 'demo-user',
  strip: createStrip({ list: byId('strip'), tally: byId('strip-tally'), legend: byId('workers'), workers }),
});
const memory =
  page.store === 'memory'
    ? undefined
    : createMemorySide(createStrip({ list: byId('memory-strip'), tally: byId('memory-strip-tally') }));

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
  const loggedIn = shared.user !== '';
  byId('login-form').hidden = loggedIn;
  byId('logout-forms').hidden = !loggedIn;
}

/** One look at the demo's session. */
async function look() {
  const seen = await shared.look();
  showState(seen.me, seen.kind);
  return seen;
}

/** One look at each side. What the memory of a worker says is only shown. */
async function lookTwice() {
  const [seen] = await Promise.all([look(), memory?.look().catch(() => {})]);
  return seen;
}

const orFailed = (looking) => looking.catch((error) => ({ kind: 'failed', error }));

/** What was done here is done in memory too. Whether that works is for its row to show. */
async function lead() {
  await memory?.follow(shared.user).catch(() => {});
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
  await lead();
  await memory?.look().catch(() => {});
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

async function refreshMany() {
  say(`Asking ${burst} times…`);
  await lead();
  const looks = await Promise.all(Array.from({ length: burst }, () => orFailed(lookTwice())));
  const sentence = summary(looks);
  const isOver = hasEnded(looks);
  if (isOver) shared.user = '';
  say(isOver ? `${sentence} Your session has ended: every worker agrees.` : sentence, !isOver && isTrouble(looks));

  await lead();
  showControls();
  const last = looks.findLast(({ me }) => me !== undefined);
  if (last !== undefined) await showTables(last.me);
}

/** Breaks something, goes on asking meanwhile, and says what a visitor saw. */
async function watch(breakIt, lookOnce) {
  await lead();
  const { forMs = 0, sentence } = await breakIt();
  say('Broken. Asking on, to see what visitors see…');
  const looking = [];
  const until = performance.now() + forMs + watchAfterMs;
  while (performance.now() < until) {
    looking.push(orFailed(lookOnce()));
    await new Promise((resolve) => setTimeout(resolve, watchEveryMs));
  }
  const looks = await Promise.all(looking);
  const { kind } = looks.at(-1);
  const nobodyOut = looks.every((one) => one.kind !== 'stranger') && kind === 'knew' ? ' Nobody was logged out.' : '';
  say(`${sentence} ${summary(looks)}${nobodyOut}`, nobodyOut === '' && isTrouble(looks));
}

const killWorker = () =>
  watch(async () => {
    // The one that holds the login in memory: there it takes the login along.
    const holder = memory?.holder();
    const { worker } = await ask('POST', `/demo/kill${holder === undefined ? '' : `?worker=${holder}`}`);
    return { sentence: `Worker ${worker} was killed, and another took its place.` };
  }, lookTwice);

const stopStore = () =>
  watch(async () => {
    const { forMs } = await ask('POST', '/demo/cut');
    return { forMs, sentence: `No worker reached the store for ${forMs / 1000} s.` };
  }, look);

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
  shared.user = user;
  form.reset();
  await refresh();
  say(`Logged in as ${user}. Now refresh 40 times: does every worker know you?`);
  byId('refresh-40').focus();
});

onSubmit('logout-form', async () => {
  await ask('POST', '/api/logout');
  shared.user = '';
  await refresh();
  say('Logged out.');
  byId('user').focus();
});

onSubmit('logout-everywhere-form', async () => {
  const { revoked } = await ask('POST', '/api/logout-everywhere');
  shared.user = '';
  await refresh();
  say(revoked === 0 ? 'Logged out. There was no other session.' : `Logged out, and ${revoked} more with it.`);
  byId('user').focus();
});

byId('refresh-40').addEventListener('click', () => act(refreshMany));
byId('count-40').addEventListener('click', () => act(countMany));
byId('kill').addEventListener('click', () => act(killWorker));
byId('cut')?.addEventListener('click', () => act(stopStore));
byId('refresh-1').addEventListener('click', () => {
  act(async () => {
    const me = await refresh();
    say(`Worker ${me.worker} ${me.user === null ? 'sees nobody logged in' : `knows you as ${me.user}`}.`);
  });
});

document.querySelectorAll('[data-scripted]').forEach((card) => card.removeAttribute('hidden'));
if (page.user !== '') shared.user = page.user;
act(refresh);
