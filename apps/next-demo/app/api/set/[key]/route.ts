import { inputOf, queryOf } from '../../../../lib/input.ts';
import { route } from '../../../../lib/route.ts';

// `session[key] = value` loses no other key, whoever writes to the session at the same time.
export const POST = route<{ key: string }>(async (session, demo, request, { key }) => {
  const { body } = await inputOf(request);
  return demo.set(session, key, body, queryOf(request, 'delay'));
});
