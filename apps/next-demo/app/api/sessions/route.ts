import { route } from '../../../lib/route.ts';

export const GET = route((session, demo) => demo.list(session));
