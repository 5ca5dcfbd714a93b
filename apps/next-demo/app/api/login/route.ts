import { inputOf } from '../../../lib/input.ts';
import { route } from '../../../lib/route.ts';

export const POST = route(async (session, demo, request) => demo.login(session, await inputOf(request)));
