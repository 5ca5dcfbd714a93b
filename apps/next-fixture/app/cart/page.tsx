import { readSession } from '../../lib/session.ts';
import { Cart } from './cart.tsx';

/** What is read of a session can be handed to a component of the browser. */
export default async function Page() {
  const { cart } = await readSession();
  return <Cart items={cart ?? []} />;
}
