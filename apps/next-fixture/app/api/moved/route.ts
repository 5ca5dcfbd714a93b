import { withSession } from '../../../lib/moved.ts';

export const GET = withSession((session) => Response.json({ user: session.user ?? null, views: session.views ?? 0 }));

export const DELETE = withSession(async (session) => {
  await session.destroy();
  return new Response(null, { status: 204 });
});
