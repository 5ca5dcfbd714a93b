import { route } from '../../../lib/route.ts';

export const GET = route((session, demo) => demo.me(session));
