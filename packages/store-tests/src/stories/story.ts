/** The browsers of a story: cookies are shared by the tabs of one device. */
export type DeviceName = 'ada phone' | 'ada laptop' | 'bob phone' | 'mallory phone';

/** A user of a story. Mallory has no account: she plants and steals cookies. */
export type UserName = 'ada' | 'bob';

/** What the handler of one request does, or what happens beside the requests. */
export type Deed =
  | { do: 'look' }
  /** Sets a key that nobody else sets. `saves`: by an explicit `save()`, else with the answer. */
  | { do: 'set'; saves: boolean }
  | { do: 'count' }
  | { do: 'log in'; user: UserName; keeps: boolean }
  | { do: 'rotate'; saves: boolean }
  | { do: 'log out' }
  | { do: 'revoke another' }
  | { do: 'revoke all others' }
  | { do: 'change password'; order: 'rotate, revoke' | 'rotate, save, revoke' | 'revoke, rotate' }
  | { do: 'revoke all'; user: UserName }
  | { do: 'set idle timeout'; ms: number }
  | { do: 'set persistence'; persistent: boolean }
  /** Mallory's cookie comes into another browser's jar. */
  | { do: 'plant'; into: DeviceName }
  /** Mallory has a copy of another browser's cookie. */
  | { do: 'steal'; from: DeviceName }
  | { do: 'wait'; ms: number };

export interface Act {
  /** Unique in the story; an act keeps it when others are left out. */
  id: number;
  /** Which of the app's workers gets the request. */
  worker: number;
  deed: Deed;
}

/** Sends its requests one after the other; the tabs of a chapter run at the same time. */
export interface Tab {
  device: DeviceName;
  acts: Act[];
}

/** After a chapter nothing is in flight, and the judge looks at everything. */
export interface Chapter {
  tabs: Tab[];
  /** The seed of the order in which the chapter's steps are taken. */
  schedule: number;
  /** How much time passes before the next chapter. */
  thenMs: number;
}

export interface Story {
  seed: number;
  chapters: Chapter[];
}

/** How many workers the app has, each with a store of its own on the one storage. */
export const workerCount = 3;

export const minuteMs = 60_000;
export const hourMs: number = 60 * minuteMs;

/** The app's idle timeout, where the session has none of its own. */
export const idleTimeoutMs: number = 24 * hourMs;
