import { route } from '../../../../lib/route.ts';

export const GET = route<{ key: string }>((session, demo, _request, { key }) => demo.get(session, key));
