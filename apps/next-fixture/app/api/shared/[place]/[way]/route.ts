import { readSession, withSession } from '../../../../../lib/session.ts';
import { sharedValue } from '../../../../../lib/shared-values.ts';

type Show = (way: string, run: string) => Promise<string>;

/** Where a handler may stand when it asks for the value. */
const places: Record<string, Show> = {
  plain: sharedValue,
  async after(way, run) {
    await readSession();
    return sharedValue(way, run);
  },
  inside: withSession((_session, way: string, run: string) => sharedValue(way, run)),
};

interface Context {
  params: Promise<{ place: string; way: string }>;
}

export async function GET(request: Request, { params }: Context): Promise<Response> {
  const { place, way } = await params;
  const run = new URL(request.url).searchParams.get('run') ?? '';
  return new Response(await places[place]?.(way, run));
}

/** The whole handler is inside `withSession`. */
export const POST = withSession(async (_session, request: Request, { params }: Context) => {
  const run = new URL(request.url).searchParams.get('run') ?? '';
  return new Response(await sharedValue((await params).way, run));
});
