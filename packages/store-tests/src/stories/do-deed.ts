import { type AppRequest, unanswered } from './app-request.ts';
import type { Ending } from './history.ts';
import type { Deed } from './story.ts';

/** What the handler of a request does. Where it asks for a session that is there, and there is none, it only looks. */
export async function doDeed(request: AppRequest, deed: Deed): Promise<void> {
  const { session, cookie, by, scene } = request;
  const { id } = by.act;
  switch (deed.do) {
    case 'set': {
      session[`key${id}`] = id;
      if (deed.saves) await request.writeNow('key', id, () => session.save());
      else request.willWrite('key', id);
      return;
    }
    case 'count':
      return request.writeNow('count', 1, () => session.update('count', (count) => Number(count ?? 0) + 1));
    case 'log in': {
      request.willReplace();
      const owner = scene.ownerOf(deed.user);
      await session.regenerate(deed.keeps ? { owner, keep: true } : { owner });
      request.session['user'] = owner;
      request.session['login'] = id;
      return;
    }
    case 'rotate':
      if (cookie === undefined) return;
      await request.rotate();
      if (deed.saves) await request.saveRotation();
      return;
    case 'log out': {
      if (cookie === undefined) return request.logOutUnseen();
      const ending: Ending = { ...unanswered(by), what: 'logout', cookie };
      return request.end(ending, () => session.destroy());
    }
    case 'revoke another':
      return revokeAnother(request);
    case 'revoke all others':
      if (cookie?.user !== undefined) await request.revokeAll(cookie.user, request.session);
      return;
    case 'change password':
      return changePassword(request, deed.order);
    case 'revoke all':
      return request.revokeAll(deed.user);
    case 'set idle timeout':
      if (cookie === undefined) return;
      session.idleTimeoutMs = deed.ms;
      request.willWrite('idleTimeoutMs', deed.ms);
      return;
    case 'set persistence':
      if (cookie === undefined) return;
      session.persistent = deed.persistent;
      request.willWrite('persistent', deed.persistent);
      return;
    case 'look':
    case 'plant':
    case 'steal':
    case 'wait':
  }
}

/** "Your other devices": one of them is picked and ended. */
async function revokeAnother(request: AppRequest): Promise<void> {
  const { sessions, cookie, scene, by } = request;
  if (cookie?.user === undefined) return;
  const listed = await sessions.list(scene.ownerOf(cookie.user));
  const others = listed.filter(({ handle }) => handle !== cookie.handle);
  const { handle } = others[by.act.id % others.length] ?? {};
  if (handle === undefined) return;
  const ending: Ending = { ...unanswered(by), what: 'revoke', handle, wasThere: false };
  await request.end(ending, async () => (ending.wasThere = await sessions.revoke(handle)));
}

/** The user stays, under a new token; everybody else is out. */
async function changePassword(
  request: AppRequest,
  order: Extract<Deed, { do: 'change password' }>['order'],
): Promise<void> {
  const user = request.cookie?.user;
  if (user === undefined) return;
  if (order === 'revoke, rotate') await request.revokeAll(user, request.session);
  await request.rotate();
  if (order === 'rotate, save, revoke') await request.saveRotation();
  if (order !== 'revoke, rotate') await request.revokeAll(user, request.session);
}
