import { route } from '../../../../../lib/route.ts';

export const POST = route<{ handle: string }>((session, demo, _request, { handle }) => demo.revoke(session, handle));
