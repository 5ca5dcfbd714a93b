import { inputOf } from '../../../lib/input.ts';
import { route } from '../../../lib/route.ts';

export const POST = route(async (session, demo, request) => demo.logoutEverywhere(session, await inputOf(request)));
