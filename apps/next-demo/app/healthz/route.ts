import { demoParts } from '../../lib/demo.ts';
import { toResponse } from '../../lib/route.ts';

export const dynamic = 'force-dynamic';

export async function GET(request: Request): Promise<Response> {
  const { demo, kit } = demoParts();
  try {
    return toResponse(await demo.health());
  } catch (error) {
    return toResponse(kit.problemReply(error, request.headers.get('accept') ?? undefined));
  }
}
