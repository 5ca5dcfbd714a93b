import { staticValues } from '../../../lib/shared-values.ts';

export const dynamic = 'error';

export default async function Page() {
  return <pre id="value">{(await staticValues()).join('\n')}</pre>;
}
