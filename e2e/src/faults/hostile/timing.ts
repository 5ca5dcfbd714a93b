import { createSessions, memoryStore } from '@sess/core';
import { type Random, seeded } from '@sess/store-tests';

/** How far two kinds of cookies are apart in the time that they take. */
export interface TimingRow {
  readonly compared: string;
  /** Of each kind. */
  readonly samples: number;
  readonly differenceNs: number;
  /** Two samples of the same kind may differ by this much: a smaller difference proves nothing. */
  readonly resolvedNs: number;
  /** What a comparison that stops at the first wrong letter shows, measured in the same way. */
  readonly controlNs: number;
  readonly failure?: string;
}

interface Kinds {
  readonly compared: string;
  readonly first: string;
  readonly second: string;
}

type Open = (header: string) => Promise<unknown>;

const secret = 'a secret for hostile input, of 32 bytes or more';

/** Welch's t: a larger one is not chance (Reparaz and others, "Dude, is my code constant time?"). */
const surely = 4.5;

/** Slower samples are left out: the machine did something else meanwhile. */
const quickest = 0.6;

interface Moments {
  readonly mean: number;
  readonly variance: number;
  readonly count: number;
}

function momentsOf(samples: readonly number[]): Moments {
  const count = samples.length;
  const mean = samples.reduce((sum, took) => sum + took, 0) / count;
  const variance = samples.reduce((sum, took) => sum + (took - mean) ** 2, 0) / (count - 1);
  return { mean, variance, count };
}

/** One limit for both kinds, so that leaving samples out favours neither. */
function apart(first: readonly number[], second: readonly number[]): { differenceNs: number; resolvedNs: number } {
  const all = [...first, ...second].toSorted((a, b) => a - b);
  const longest = all[Math.floor(all.length * quickest)] ?? Infinity;
  const [a, b] = [first, second].map((samples) => momentsOf(samples.filter((took) => took <= longest)));
  if (a === undefined || b === undefined) throw new Error('Two kinds of samples are compared.');
  const deviation = Math.sqrt(a.variance / a.count + b.variance / b.count);
  return { differenceNs: Math.abs(a.mean - b.mean), resolvedNs: surely * deviation };
}

/** In random order, so that whatever else the machine does meets both kinds. */
async function measure(
  { first, second }: Kinds,
  open: Open,
  samples: number,
  random: Random,
): Promise<ReturnType<typeof apart>> {
  const took: [number[], number[]] = [[], []];
  while (took[0].length < samples || took[1].length < samples) {
    const kind = random.below(2) === 0 ? 0 : 1;
    // A text of its own each time, as a request brings one.
    const header = Buffer.from(kind === 0 ? first : second, 'latin1').toString('latin1');
    const startedAt = process.hrtime.bigint();
    await open(header);
    took[kind].push(Number(process.hrtime.bigint() - startedAt));
  }
  return apart(took[0].slice(0, samples), took[1].slice(0, samples));
}

/** The control, and what must not be done: it stops at the first wrong letter. */
function comparesLetterByLetter(given: string, valid: string): boolean {
  for (let at = 0; at < valid.length; at += 1) if (given[at] !== valid[at]) return false;
  return true;
}

function forgeries(valid: string): Kinds[] {
  const dot = valid.lastIndexOf('.');
  const wrongAt = (at: number): string => valid.slice(0, at) + (valid[at] === 'A' ? 'B' : 'A') + valid.slice(at + 1);
  const stranger = `sid=${'x'.repeat(dot - 4)}`;
  return [
    {
      compared: 'the first or the last letter of a signature is wrong',
      first: wrongAt(dot + 1),
      second: wrongAt(valid.length - 2),
    },
    {
      compared: 'a wrong signature under the token of a living session or under that of none',
      first: wrongAt(dot + 1),
      second: stranger + wrongAt(dot + 1).slice(dot),
    },
  ];
}

/** Whether the time of an answer tells how much of a forged cookie is right. */
export async function timing(samples: number, seed: number): Promise<TimingRow[]> {
  const sessions = createSessions({ store: memoryStore(), secret, cookie: { name: 'sid' }, logger: false, env: {} });
  const session = await sessions.open(undefined);
  Object.assign(session, { user: 'ada' });
  const valid = String((await sessions.commit(session)).setCookie).split(';')[0] ?? '';
  const random = seeded(seed);
  const open: Open = (header) => sessions.open(header);
  const leaking: Open = async (header) => {
    const opened = await sessions.open(header);
    return comparesLetterByLetter(header, valid) ? opened : undefined;
  };
  const rows: TimingRow[] = [];
  for (const kinds of forgeries(valid)) {
    await measure(kinds, open, Math.ceil(samples / 10), random);
    const { differenceNs, resolvedNs } = await measure(kinds, open, samples, random);
    const control = await measure(kinds, leaking, samples, random);
    const isBlind = control.differenceNs <= control.resolvedNs;
    const failure = isBlind
      ? 'the control was not seen'
      : differenceNs > resolvedNs
        ? 'a difference was seen'
        : undefined;
    rows.push({
      compared: kinds.compared,
      samples,
      differenceNs: Math.round(differenceNs * 10) / 10,
      resolvedNs: Math.round(resolvedNs * 10) / 10,
      controlNs: Math.round(control.differenceNs * 10) / 10,
      ...(failure !== undefined && { failure }),
    });
  }
  return rows;
}
