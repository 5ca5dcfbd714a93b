import type { Fault } from './fault.ts';
import { type Contestant, type Extent, type Played, playRow } from './play-row.ts';
import type { Storage, StoreName } from './storage.ts';

/** A fault with its storage hidden, so that all of them stand in one list. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly store: StoreName;
  readonly isForFrameworks: boolean;
  readonly isForPeers: boolean;
  missing(): string | undefined;
  play(contestant: Contestant, settings: { readonly seed: number; readonly extent: Extent }): Promise<Played>;
}

export function rowOf<S extends Storage>(store: StoreName, fault: Fault<S>): Row {
  const { id, name, isForFrameworks = false, isForPeers = false } = fault;
  return {
    id,
    name,
    store,
    isForFrameworks,
    isForPeers,
    missing: () => fault.missing?.(),
    play: (contestant, settings) => playRow(fault, contestant, settings),
  };
}
