import { staticValues } from '../../../../lib/shared-values.ts';

export const dynamic = 'error';

export async function GET(): Promise<Response> {
  return new Response((await staticValues()).join('\n'));
}
