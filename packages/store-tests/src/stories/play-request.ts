import { type SessionHeaders, isSessError } from '@sess/core';
import { AppRequest, isGone } from './app-request.ts';
import { doDeed } from './do-deed.ts';
import type { Issued, Source } from './history.ts';
import { type Scene, seenIn } from './scene.ts';
import type { AnySession } from './any-session.ts';

/** One request of a browser, from its sending to the answer's arrival. */
export async function playRequest(scene: Scene, by: Source): Promise<void> {
  const { history, jars } = scene;
  const { scheduler } = scene.world;
  await scheduler.step();
  const begunAt = history.step();
  const jar = jars.get(by.device);
  const sent = history.issuedAs(jar);
  let request: AppRequest | undefined;
  let failure: unknown;
  let headers: SessionHeaders | undefined;
  try {
    request = await open(scene, by, sent, begunAt);
    failure = await failureOf(doDeed(request, by.act.deed));
    headers = await request.sessions.commit(request.session, statusOf(failure));
  } catch (error) {
    failure = error;
  }
  if (failure !== undefined) noteFailure(scene, by, failure);
  const pair = headers?.setCookie?.split(';', 1)[0];
  const isClearing = headers?.setCookie?.includes('Max-Age=0;') === true;
  const made = request && pair !== undefined && !isClearing ? issue(request, pair) : undefined;
  request?.answered(failure, made);
  if (pair !== undefined) noteCookie(scene, by, sent, isClearing ? 'clear' : made);
  await scheduler.step();
  if (isClearing) jars.delete(by.device);
  else if (pair !== undefined) jars.set(by.device, pair);
}

async function open(scene: Scene, by: Source, sent: Issued | undefined, begunAt: number): Promise<AppRequest> {
  const sessions = scene.workerOf(by.act);
  if (sent === undefined) {
    const opened = (await sessions.open(undefined)) as AnySession;
    return new AppRequest(scene, by, opened, undefined, begunAt);
  }
  const { session } = await scene.look(sessions, sent, by);
  return new AppRequest(scene, by, session, sent, begunAt);
}

async function failureOf(work: Promise<void>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
}

/** As an app answers it. */
function statusOf(failure: unknown): number {
  if (failure === undefined) return 200;
  return isSessError(failure) ? failure.status : 500;
}

/** The answer carries a cookie that nobody had before: what does it stand for? */
function issue(request: AppRequest, pair: string): Issued | undefined {
  const { scene, by, cookie, session, begunAt } = request;
  const { history } = scene;
  if (history.issuedAs(pair) !== undefined) return undefined;
  const { deed } = by.act;
  const seen = seenIn(session);
  const made: Issued = {
    ...{ by, begunAt, doneAt: history.step(), cookie: pair, handle: session.handle },
    ...{ how: 'began', user: undefined, login: undefined, keeps: false },
    ...{ from: cookie, fromHandle: request.openedHandle },
  };
  if (deed.do === 'log in') {
    Object.assign(made, { how: 'logged in', user: deed.user, login: by.act.id, keeps: deed.keeps });
  } else if (cookie !== undefined) {
    Object.assign(made, { how: 'rotated', user: cookie.user, login: cookie.login, keeps: true });
  } else {
    noteBeginning(made, seen.keys, typeof seen.count === 'number', scene);
  }
  history.issue(made);
  return made;
}

/** A visitor's first change began the session: it was no change of any session before. */
function noteBeginning(made: Issued, keys: readonly number[], isCounted: boolean, { history }: Scene): void {
  const { by, begunAt, doneAt } = made;
  const stored = { by, cookie: made, begunAt, doneAt, isExplicit: true, outcome: 'stored' as const };
  for (const key of keys) history.writes.push({ ...stored, what: 'key', value: key });
  if (isCounted) history.writes.push({ ...stored, what: 'count', value: 1 });
}

function noteFailure({ history }: Scene, by: Source, failure: unknown): void {
  // A loaded machine may take too long: then nobody knows what was done.
  if (isGone(failure) || (isSessError(failure) && failure.code === 'STORE_TIMEOUT')) return;
  const text = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
  history.oddities.push({ by, rule: 'a healthy store fails nobody', text });
}

/** A cookie at the wrong moment overwrites a newer one, or logs somebody out. */
function noteCookie(
  { history }: Scene,
  by: Source,
  sent: Issued | undefined,
  cookie: Issued | 'clear' | undefined,
): void {
  const { deed } = by.act;
  const rule = 'cookies are sent when they change';
  if (cookie === 'clear' && deed.do !== 'log out') history.oddities.push({ by, rule, text: 'the cookie was cleared' });
  if (cookie === undefined && deed.do !== 'set persistence')
    history.oddities.push({ by, rule, text: 'a cookie that the browser had already was sent again' });
  if (typeof cookie !== 'object') return;
  const mayMake = deed.do === 'log in' || deed.do === 'rotate' || deed.do === 'change password';
  const isFirst = cookie.how === 'began' && (deed.do === 'set' || deed.do === 'count');
  if (!mayMake && !isFirst)
    history.oddities.push({
      by,
      rule,
      text: `a new cookie was sent, in place of ${sent?.handle.slice(0, 6) ?? 'none'}`,
    });
}
