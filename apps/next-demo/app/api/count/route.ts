import { route } from '../../../lib/route.ts';

// `await session.update('views', ...)` loses no count.
export const POST = route((session, demo) => demo.count(session));
