import { readSession } from '../../lib/session.ts';

export default async function Page() {
  const { cart } = await readSession();
  // As JavaScript would, which no type stops.
  Reflect.apply(Array.prototype.push, cart, [{ item: 'contraband' }]);
  return <p>written</p>;
}
