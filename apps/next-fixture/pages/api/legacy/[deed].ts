import type { NextApiRequest, NextApiResponse } from 'next';
import { withSession } from '../../../lib/pages-session.ts';

export default withSession(async (session, request: NextApiRequest, response: NextApiResponse) => {
  switch (request.query['deed']) {
    case 'count':
      return response.json({ views: await session.update('views', (views = 0) => views + 1) });
    case 'login': {
      const fresh = await session.regenerate({ owner: 'ada' });
      fresh.user = 'ada';
      return response.redirect(303, '/legacy');
    }
    case 'logout':
      await session.destroy();
      return response.json({ user: null });
    case 'aloof':
      return response.json({ looked: false });
    case 'fails':
      throw new Error('a mistake of the app');
    default:
      return response.json({ user: session.user ?? null, views: session.views ?? 0 });
  }
});
