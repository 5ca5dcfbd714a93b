import { expect, it } from 'vitest';

import { SessError, isSessError } from '../errors.ts';
import { failureResponse } from '../web/web-response.ts';
import { currentSession } from '../web/current-exchange.ts';
import { type Sessions, createSessions } from '../sessions.ts';
import { probeStore } from '../testing/probe-store.ts';
import { type AnySession, anySession, testSecret } from '../testing/test-app.ts';

/** The same numbers for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One request's story: what the app did, what came of it, and what the next request has to find. */
class Story {
  readonly said: string[] = [];
  readonly expected = new Map<string, unknown>([['user', 'ada']]);
  isDestroyed = false;
  isRotated = false;
  isLogoutTried = false;
}

type Deed = (session: AnySession, story: Story, value: number) => Promise<unknown> | void;

const kept = (story: Story): void => {
  story.isRotated = true;
  if (story.isDestroyed) story.expected.clear();
};

const deeds: Record<string, Deed> = {
  set(session, story, value) {
    session['a'] = value;
    story.expected.set('a', value);
  },
  save: (session) => session.save(),
  // Not waited for; the commit has to.
  'void save': (session) => void session.save(),
  'void update'(session, story, value) {
    void session.update('n', () => value);
    story.expected.delete('n');
  },
  async update(session, story, value) {
    await session.update('n', () => value);
    story.expected.set('n', value);
  },
  async rotate(session, story) {
    await session.regenerate({ keep: true });
    kept(story);
  },
  async login(session, story) {
    await session.regenerate({ keep: true, owner: 'ada' });
    kept(story);
  },
  async destroy(session, story) {
    story.isLogoutTried = true;
    await session.destroy();
    story.isDestroyed = true;
    story.expected.clear();
  },
  async reload(session, story) {
    await session.reload();
    story.expected.delete('a');
    story.expected.delete('n');
  },
};

const isClearing = (line: string | undefined): boolean => line?.includes('Max-Age=0') === true;
const pairOf = (line: string | undefined): string | undefined => line?.split(';')[0];

async function begin(sessions: Sessions): Promise<string | undefined> {
  const opened = await sessions.open(undefined);
  const session = anySession(await opened.regenerate({ owner: 'ada' }));
  session['user'] = 'ada';
  return pairOf((await sessions.commit(session)).setCookie);
}

/** What is wrong for the browser and the store behind one request in which calls of the store fail by chance. */
async function tell(seed: number): Promise<string[]> {
  const random = randomFrom(seed);
  const store = probeStore();
  const sessions = createSessions({ store, secret: testSecret, logger: false, env: {} });
  const first = await begin(sessions);

  const rate = [0.1, 0.3, 0.5][Math.floor(random() * 3)] ?? 0;
  store.before = ({ verb }) => {
    if (verb !== 'read' && random() < rate) throw new SessError('STORE_BUSY', 'too many');
  };
  const story = new Story();
  const opened = await sessions.open(first);
  for (let left = 1 + Math.floor(random() * 6); left > 0; left--) {
    const [name, deed] = Object.entries(deeds)[Math.floor(random() * Object.keys(deeds).length)] ?? ['', () => {}];
    const outcome = await (async () => deed(anySession(currentSession(opened)), story, random()))().catch(
      (error: unknown) => (isSessError(error) ? error.code : Promise.reject(error)),
    );
    story.said.push(typeof outcome === 'string' ? `${name} ${outcome}` : name);
  }
  const status = random() < 0.7 ? 200 : 500;
  const session = currentSession(opened);
  let isTold = false;
  const setCookie = await (async () => (await sessions.commit(session, status)).setCookie)().catch((error: unknown) => {
    isTold = true;
    return failureResponse(error, session).headers.getSetCookie()[0];
  });
  await new Promise(setImmediate);
  store.before = undefined;

  const last = isClearing(setCookie) ? undefined : (pairOf(setCookie) ?? first);
  const isOldAlive = !(await sessions.open(first)).isNew;
  const next = anySession(await sessions.open(last));
  const wrong: string[] = [];
  if (!next.isNew || story.isLogoutTried) {
    if (isClearing(setCookie) && isOldAlive) wrong.push('the cookie is cleared, and its session lives');
  } else wrong.push('a false logout');
  if (!isTold && status === 200) {
    if (last !== first && last !== undefined && isOldAlive) wrong.push('the old token lives');
    if (story.isDestroyed && !story.isRotated && isOldAlive) wrong.push('the logout was not carried out');
    if (!next.isNew && !story.isLogoutTried)
      for (const [key, value] of story.expected) if (next[key] !== value) wrong.push(`${key} is lost`);
  }
  return wrong.map((what) => `${what}: seed ${seed}: ${story.said.join(', ')}, ${status} ${isTold ? 'failed' : ''}`);
}

it('no false logout, no token that comes back, nothing lost in silence', async () => {
  const wrong: string[] = [];
  for (let seed = 1; seed <= 1000; seed++) wrong.push(...(await tell(seed)));
  expect(wrong).toEqual([]);
}, 60_000);
