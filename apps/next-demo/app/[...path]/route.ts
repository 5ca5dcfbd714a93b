import { demoParts } from '../../lib/demo.ts';
import { toResponse } from '../../lib/route.ts';

function handle(request: Request): Response {
  const { kit } = demoParts();
  return toResponse(kit.problemReply(kit.notFound(), request.headers.get('accept') ?? undefined));
}

export { handle as GET, handle as POST };
