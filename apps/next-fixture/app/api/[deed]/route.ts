import { cookies } from 'next/headers';
import { notFound, redirect } from 'next/navigation';
import { type SessionFunction } from '@sess/next';
import { hasty, loads, readSession, sessions, withSession } from '../../../lib/session.ts';

type Handler = SessionFunction<[Request, { params: Promise<{ deed: string }> }], Response>;

const inner = withSession(async (session) => {
  session.views = 7;
  return { user: session.user };
});

const deeds: Record<string, Handler> = {
  me: (session) => Response.json({ user: session.user ?? null, views: session.views ?? 0, keys: Object.keys(session) }),
  hasty: (_session, request) => beginHasty(request),
  loads: () => Response.json({ loads: loads() }),
  aloof: () => Response.json({ looked: false }),
  async count(session) {
    return Response.json({ views: await session.update('views', (views = 0) => views + 1) });
  },
  async login(session, request) {
    const user = new URL(request.url).searchParams.get('user') ?? 'ada';
    const fresh = await session.regenerate({ owner: user });
    fresh.user = user;
    return Response.json({ user });
  },
  async logout(session) {
    await session.destroy();
    return Response.json({ user: null });
  },
  async cart(session) {
    await session.update('cart', (cart = []) => [...cart, { item: `item ${cart.length + 1}` }]);
    return Response.json(session.cart);
  },
  async gone(session) {
    await sessions.revoke(session.handle);
    await session.update('views', (views = 0) => views + 1);
    return Response.json({});
  },
  /** One function of the session calls another: there is one session, and one commit. */
  async nested(session) {
    session.user = 'outer';
    const { user } = await inner();
    return Response.json({ user, views: session.views, seen: (await readSession()).views });
  },
  async redirect(session) {
    const fresh = await session.regenerate({ owner: 'ada' });
    fresh.user = 'ada';
    redirect('/?a=1;b=2');
  },
  missing(session) {
    session.user = 'lost';
    notFound();
  },
  async both(session) {
    (await cookies()).set('theme', 'dark');
    session.user = 'both';
    return Response.redirect('http://localhost/elsewhere', 307);
  },
  fails(session) {
    session.user = 'never';
    throw new Error('a mistake of the app');
  },
  async saves(session) {
    const fresh = await session.regenerate({ owner: 'ada' });
    fresh.user = 'saved';
    await fresh.save();
    throw new Error('a mistake of the app, after a login');
  },
  clumsy(session) {
    Object.assign(session, { when: new Date() });
    return Response.json({});
  },
  /** How many sessions there are of those that the page `/unheard` would store. */
  async unheard() {
    return Response.json({ sessions: (await sessions.list('unheard')).length });
  },
  cached(session) {
    return new Response(session.user ?? 'nobody', {
      headers: { 'Cache-Control': 'public, max-age=60', Vary: 'Accept' },
    });
  },
};

const beginHasty = hasty.withSession(async (session, _request: Request) => {
  // Its storage has been tried when this answers: a test counts commands after it.
  await hasty.sessions.ready();
  session.user = 'hasty';
  return Response.json({ user: session.user });
});

const handle = withSession(async (session, request: Request, context: { params: Promise<{ deed: string }> }) => {
  const { deed } = await context.params;
  const handler = Object.hasOwn(deeds, deed) ? deeds[deed] : undefined;
  return handler === undefined ? new Response(null, { status: 404 }) : handler(session, request, context);
});

export { handle as GET, handle as POST };
