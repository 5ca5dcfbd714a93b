import { readSession } from '../../../lib/session.ts';

export const revalidate = 3600;

/** One of them is asked for by name, the others are made when somebody comes. */
export function generateStaticParams() {
  return [{ id: 'listed' }];
}

export default async function Page() {
  return <p id="value">value: {(await readSession()).user ?? 'nobody'}</p>;
}
