import { type Random, seeded } from '../random.ts';
import {
  type Act,
  type Chapter,
  type Deed,
  type DeviceName,
  type Story,
  type Tab,
  type UserName,
  hourMs,
  minuteMs,
  workerCount,
} from './story.ts';

const homes: readonly DeviceName[] = ['ada phone', 'ada laptop', 'bob phone'];
const places: readonly DeviceName[] = [
  ...(['ada phone', 'ada phone', 'ada phone', 'ada laptop', 'ada laptop'] as const),
  ...(['bob phone', 'mallory phone'] as const),
];

type Draw = (random: Random, user: UserName) => Deed;

const coin = (random: Random): boolean => random.below(2) === 0;

/** Each deed as often as it is listed. */
const deeds: readonly Draw[] = [
  () => ({ do: 'look' }),
  (random) => ({ do: 'set', saves: coin(random) }),
  (random) => ({ do: 'set', saves: coin(random) }),
  () => ({ do: 'count' }),
  () => ({ do: 'count' }),
  (random, user) => ({ do: 'log in', user, keeps: coin(random) }),
  (random) => ({ do: 'rotate', saves: coin(random) }),
  (random) => ({ do: 'rotate', saves: coin(random) }),
  (random) => ({ do: 'rotate', saves: coin(random) }),
  () => ({ do: 'log out' }),
  () => ({ do: 'revoke another' }),
  () => ({ do: 'revoke all others' }),
  (random) => ({
    do: 'change password',
    order: random.pick(['rotate, revoke', 'rotate, save, revoke', 'revoke, rotate'] as const),
  }),
  (_, user) => ({ do: 'revoke all', user }),
  (random) => ({ do: 'set idle timeout', ms: random.pick([10 * minuteMs, 20 * hourMs]) }),
  (random) => ({ do: 'set persistence', persistent: coin(random) }),
];

const mischief: readonly Draw[] = [
  (random) => ({ do: 'plant', into: random.pick(homes) }),
  (random) => ({ do: 'steal', from: random.pick(homes) }),
];

/** Long enough for an end marker to fall, or for a shortened idle time, or for all sessions to end. */
const pauses = [1000, 61_000, 61_000, 2 * hourMs, 25 * hourMs] as const;

/** The story of a seed: the same one every time. */
export function generateStory(seed: number): Story {
  const random = seeded(seed);
  let id = 0;
  const act = (deed: Deed): Act => ({ id: id++, worker: random.below(workerCount), deed });
  const schedule = (): number => random.below(2 ** 30);

  /** Who is not in logs in, and now and then somebody who is. */
  const arrivals = (share: number): Chapter => {
    const arriving = homes.filter(() => random.below(10) < share);
    const tabs = arriving.map((device) => ({
      device,
      acts: [act({ do: 'log in', user: userOf(device), keeps: false })],
    }));
    return { tabs, schedule: schedule(), thenMs: 1000 };
  };

  const encounter = (): Chapter => {
    // A few kinds of deeds meet each other more often than all of them do.
    const chosen = Array.from({ length: 2 + random.below(3) }, () => random.pick(deeds));
    const tabs = Array.from({ length: 2 + random.below(4) }, (): Tab => {
      const device = random.pick(places);
      const draws = device === 'mallory phone' ? [...chosen, ...mischief, ...mischief] : chosen;
      const count = 1 + random.below(device === 'mallory phone' ? 3 : 2);
      const acts = Array.from({ length: count }, () => act(random.pick(draws)(random, userOf(device, random))));
      if (random.below(12) === 0) acts.unshift(act({ do: 'wait', ms: 61_000 }));
      return { device, acts };
    });
    return { tabs, schedule: schedule(), thenMs: random.pick(pauses) };
  };

  const chapters = [arrivals(9), encounter()];
  for (let more = random.below(3); more > 0; more -= 1) chapters.push(arrivals(4), encounter());
  return { seed, chapters };
}

function userOf(device: DeviceName, random?: Random): UserName {
  if (device === 'mallory phone') return random?.pick(['ada', 'bob'] as const) ?? 'bob';
  return device === 'bob phone' ? 'bob' : 'ada';
}
