import { Suspense } from 'react';
import { readSession } from '../../../lib/session.ts';
import { sharedValue } from '../../../lib/shared-values.ts';

interface Props {
  params: Promise<{ way: string }>;
  searchParams: Promise<{ run?: string; first?: string }>;
}

async function Shared({ params, searchParams }: Props) {
  const [{ way }, { run = '', first }] = await Promise.all([params, searchParams]);
  if (first !== undefined) await readSession();
  return <p id="value">{await sharedValue(way, run)}</p>;
}

export default function Page(props: Props) {
  return (
    <Suspense>
      <Shared {...props} />
    </Suspense>
  );
}
