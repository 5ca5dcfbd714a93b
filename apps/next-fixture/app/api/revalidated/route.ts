import { withSession } from '../../../lib/session.ts';

export const revalidate = 3600;

export const GET = withSession((session, _request: Request) => new Response(`value: ${session.user ?? 'nobody'}`));
