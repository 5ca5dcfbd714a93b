'use server';

import { withSession } from '../../lib/moved.ts';

export const count = withSession(async (session) => {
  await session.update('views', (views = 0) => views + 1);
});
