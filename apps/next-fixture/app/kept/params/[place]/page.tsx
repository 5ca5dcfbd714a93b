import { staticValues } from '../../../../lib/shared-values.ts';

/** No others than what was said when Next.js asked for the parameters, which it does before there is a visitor. */
export const dynamicParams = false;

export async function generateStaticParams() {
  return (await staticValues()).map((said) => ({ place: said.replaceAll(/\W+/g, '-').slice(0, 100) }));
}

export default async function Page({ params }: { params: Promise<{ place: string }> }) {
  return <p id="value">{(await params).place}</p>;
}
