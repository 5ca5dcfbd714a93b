import type { Spoils } from '../tcp-proxy.ts';
import { type Fault, goesOn, refuses } from './fault.ts';
import type { ServerStorage } from './storage.ts';
import { tallyOf } from './tally.ts';

type Break = (storage: ServerStorage) => () => void;

function spoils(what: Spoils): Break {
  return ({ proxy }) => {
    proxy.spoils = what;
    return () => (proxy.spoils = undefined);
  };
}

function delays(delayMs: number): Break {
  return ({ proxy }) => {
    proxy.delayMs = delayMs;
    return () => (proxy.delayMs = 0);
  };
}

/** What may happen between the workers and a server, which people know as `server`. */
export function faultsOfConnections<S extends ServerStorage>(storage: () => Promise<S>, server: string): Fault<S>[] {
  /** The proxy counts what it has spoiled. */
  function between(parts: Omit<Fault<S>, 'storage' | 'begin'>, breaks: Break): Fault<S> {
    return {
      ...parts,
      storage,
      async begin({ storage: opened }) {
        const before = opened.proxy.faults;
        const mend = breaks(opened);
        return async () => {
          mend();
          const faults = opened.proxy.faults - before;
          if (faults === 0) throw new Error('The proxy has spoiled nothing.');
          return `${faults} pieces of data or connections were spoiled`;
        };
      },
    };
  }

  return [
    between(
      {
        id: 'F6',
        name: `connections to ${server} are reset`,
        isForPeers: true,
        how: 'proxy: a reset of all, ten times a second',
        expects: goesOn,
      },
      ({ proxy }) => {
        const timer = setInterval(() => proxy.reset(), 100);
        return () => clearInterval(timer);
      },
    ),
    between(
      { id: 'F6', name: 'connections are reset in the middle of an answer', how: 'proxy: half of every tenth answer' },
      spoils({ how: 'cut', every: 10 }),
    ),
    between(
      { id: 'F7', name: 'answers are lost after the command was carried out', how: 'proxy: every tenth, and a reset' },
      spoils({ how: 'drop', every: 10 }),
    ),
    between(
      { id: 'F7', name: `something else than ${server} answers`, how: 'proxy: garbage for every tenth answer' },
      spoils({ how: 'garble', every: 10 }),
    ),
    between(
      {
        id: 'F8',
        name: 'answers come 200 ms late',
        how: 'proxy',
        lastsMs: 2_000,
        // None, unless the machine is so busy that a process stands still for longer than the bound.
        expects: (during) =>
          tallyOf(during).refused <= during.length / 20 ? goesOn(during) : 'it refused what it had time for',
      },
      delays(200),
    ),
    between(
      {
        id: 'F8',
        name: 'answers come 1500 ms late',
        isForPeers: true,
        how: 'proxy',
        lastsMs: 2_500,
        expects: refuses,
      },
      delays(1_500),
    ),
    between(
      { id: 'F8', name: 'answers trickle', how: 'proxy: 32 bytes a millisecond', expects: goesOn },
      spoils({ how: 'trickle', every: 1 }),
    ),
    between(
      {
        id: 'F9',
        name: 'connections are half open',
        how: 'proxy: swallows both ways and says nothing',
        lastsMs: 1_500,
        expects: refuses,
      },
      ({ proxy }) => {
        proxy.isSwallowing = true;
        return () => (proxy.isSwallowing = false);
      },
    ),
  ];
}
