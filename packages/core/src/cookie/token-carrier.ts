import type { Carrier, Claim } from './claim.ts';
import type { Keyring } from './keyring.ts';
import type { BoundedStore } from '../bounded-store.ts';
import { isToken, keyOf, mintToken } from './token.ts';
import { VerifiedValues } from './verified-values.ts';

/** A token and its signature, 43 characters each, and the dot. */
const VALUE_LENGTH = 87;

/** The cookie carries a signed token; the session is in the store. */
export function tokenCarrier(keyring: Keyring, store: BoundedStore & { readonly boundMs: number }): Carrier {
  const claimOf = (token: string): Claim => ({
    key: keyOf(token),
    store,
    atHand: undefined,
    isSuccessor: false,
    cookieValue: () => keyring.sign(token),
  });
  const verified = new VerifiedValues<Claim>();
  return {
    holdsSession: false,
    boundMs: store.boundMs,
    verify(value) {
      if (value.length !== VALUE_LENGTH) return undefined;
      const known = verified.get(value);
      if (known !== undefined) return known;
      const token = keyring.verify(value);
      if (token === false || !isToken(token)) return undefined;
      const claim = claimOf(token);
      verified.keep(value, claim);
      return claim;
    },
    mint: () => claimOf(mintToken()),
    claimOf,
  };
}
