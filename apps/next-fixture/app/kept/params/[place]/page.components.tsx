import { Suspense } from 'react';
import { staticValues } from '../../../../lib/shared-values.ts';

/** What was said when Next.js asked for the parameters, which it does before there is a visitor. */
export async function generateStaticParams() {
  return (await staticValues()).map((said) => ({ place: said.replaceAll(/\W+/g, '-').slice(0, 100) }));
}

async function Place({ params }: { params: Promise<{ place: string }> }) {
  return <p id="value">{(await params).place}</p>;
}

export default function Page(props: { params: Promise<{ place: string }> }) {
  return (
    <Suspense>
      <Place {...props} />
    </Suspense>
  );
}
