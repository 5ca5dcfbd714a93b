import type { Results } from './results.ts';
import { plainTable, shortTable } from './table.ts';

/** A page for docs: the figures of all rows that have been played, and what they mean. */
export function page(results: Results): string {
  const ours = results.rows.filter(({ isPeer }) => !isPeer);
  const peers = results.rows.filter(({ isPeer }) => isPeer);
  const compared = results.rows.filter((row) =>
    peers.some((one) => one.fault === row.fault && one.store === row.store),
  );
  const days = [...new Set(results.rows.map(({ on }) => on))].toSorted();
  return [
    '# Reliability',
    'Real processes of the demos, real stores, and faults that happen to both while visitors go on. `npm run faults -- --write` makes this page: it plays each fault, judges every answer by what each visitor was told before, and counts. The number before a fault is what `--only` takes, so one row by itself takes seconds: `npm run faults -- --only F5 --store redis`.',
    ...(peers.length === 0
      ? []
      : ['![Wrong answers by fault, ours and those of other libraries](./reliability/wrong-answers.svg)']),
    `The figures as JSON: [results.json](reliability/results.json). Played ${days.join(' to ')} on ${results.machine}.`,
    '## How it is judged',
    how,
    '## Faults',
    shortTable(ours),
    ...proofs(ours),
    ...skips(results),
    ...(peers.length === 0 ? [] : ['## Other libraries', beside, shortTable(compared, true), wrongs(peers)]),
    ...hostile(results),
    ...endurance(results),
    '## Not shown here',
    edges,
  ].join('\n\n');
}

const how = `Each app has three workers, and each user two browsers with two tabs, which share cookies and are under way at the same time: they log in, look, read and write keys, count, log out, log out everywhere, and come back with cookies of sessions that have ended. What everybody asked and was told is written down with its times, and judged as a whole when the row is over:

- _right_: what a correct store could have answered at that time.
- _503_: "try again", with \`Retry-After\`, not to be cached, and without a cookie. The change may have landed or not. Of other libraries any status from 500 on counts as this.
- _cut off_: no answer, because the process was killed. It counts as unknown too.
- _wrong_: a false logout, a session that came back, somebody else's session, a confirmed write that is not there, an answer after more than 5 s (2 s to open a session, 2 s to commit, 1 s for a machine that is busy), no answer, another status, a cookie that should not be there.

When nothing is broken any more, everything is looked at once more, and a 503 is wrong too. A worker that ends by itself fails the row, and so does a fault that cannot be shown to have happened. _Back after_ is how long after the end of the fault the last 503 came.

Visitors, workers and stores share one machine. How long the process of the visitors stood still is measured, and taken off the times of its answers; what the workers and the stores lost by other work on the machine is not.`;

const beside =
  'The same visitors, the same faults and the same judge, on the same routes. The other libraries are set up as their manuals recommend. They are judged more mildly: any status from 500 on is a refusal, and their cookies are not looked at. Most of their lost writes are those of two requests of one session at the same time, which they lose without any fault too.';

const edges = `- A failover of Redis may lose what the master confirmed in its last instant. \`durability: 'replicated'\` keeps logins and logouts: [choosing a store](choosing-a-store.md), and the README of \`@sess/redis\`.
- A power cut. Processes are killed here, not machines.
- A browser that was logged out from elsewhere, and logs in while a write of it is still on its way: the answer that comes last has the cookie, see [end markers](architecture.md#end-markers).
- Files on a network file system, which are not supported.`;

function proofs(rows: Results['rows']): string[] {
  const lines = rows
    .filter((row, at) => rows.findIndex((one) => one.fault === row.fault && one.store === row.store) === at)
    .map(({ id, fault, store, how: made, proof }) => [id, fault, store, made, proof]);
  return [
    '### How each fault was made, and what shows that it happened',
    plainTable(['row', 'fault', 'store', 'made by', 'seen'], lines),
  ];
}

function skips({ skipped }: Results): string[] {
  const lines = Object.entries(skipped).map(([name, reason]) => `- ${name}: ${reason}`);
  return lines.length === 0 ? [] : ['### Skipped on this machine', lines.join('\n')];
}

function wrongs(rows: Results['rows']): string {
  const lines = rows.flatMap((row) => {
    const kinds = Object.entries(row.wrongs).map(([kind, times]) => `${kind} ${times}`);
    return kinds.length === 0 ? [] : [`- ${row.contestant}, ${row.fault}: ${kinds.join(', ')}`];
  });
  return ['What was wrong:', '', ...lines].join('\n');
}

function hostile({ hostile: rows, timing }: Results): string[] {
  if (rows.length === 0) return [];
  const inputs = [...new Set(rows.map(({ input }) => input))];
  const lines = inputs.map((input) => {
    const runs = rows.filter((row) => row.input === input);
    const ends = new Map<string, number>();
    for (const [end, times] of runs.flatMap((run) => Object.entries(run.ends)))
      ends.set(end, (ends.get(end) ?? 0) + times);
    return [
      input,
      runs.reduce((sum, { cases }) => sum + cases, 0),
      [...ends].map(([end, times]) => `${end} ${times}`).join(', '),
      runs.find(({ failure }) => failure !== undefined)?.failure ?? 'none',
      Math.max(...runs.map(({ slowestMs }) => slowestMs)),
      runs.map(({ seed }) => seed).join(', '),
    ];
  });
  const times = timing.map(
    ({ compared, samples, differenceNs, resolvedNs, controlNs }) =>
      `- ${compared}: ${differenceNs} ns apart, in ${samples} samples of each kind, where less than ${resolvedNs} ns is chance. With a comparison added that stops at the first wrong letter: ${controlNs} ns.`,
  );
  return [
    '## Hostile input',
    'Random and mutated input by fast-check. Each case ends in a session, in nobody, or in an error with a code of ours; nothing hangs, and nothing reaches what all objects share. A cookie header is dealt with within 5 ms (100 ms where it holds seals of iron-session, which the thread pool opens), and no value reaches the store before its signature holds. A run with the same seed and count makes the same choices: `npm run faults -- --only hostile --input "Cookie headers" --cases 100000 --seed 1`.',
    plainTable(['input', 'cases', 'ended as', 'failures', 'slowest ms', 'seeds'], lines),
    ...(times.length === 0
      ? []
      : [
          '### The time that a forged cookie takes',
          'The means of the quickest 60 of a hundred, in random order:',
          times.join('\n'),
        ]),
  ];
}

function endurance({ endurance: rows }: Results): string[] {
  if (rows.length === 0) return [];
  const head = [
    'store',
    'minutes',
    'faults',
    'requests',
    'right',
    '503',
    'wrong',
    'longest ms',
    'memory, MiB',
    'open files',
  ];
  const lines = rows.map((row) => [
    row.store,
    row.minutes,
    row.faults,
    row.requests,
    row.right,
    row.refused,
    row.wrong,
    row.longestMs,
    row.memoryMiB.join(' to '),
    row.descriptors.join(' to '),
  ]);
  return [
    '## Endurance',
    'Six users without a pause, and a random fault every 20 s, of those that leave the workers running: `npm run faults -- --only none --endurance 30 --store redis`. Memory is that of three workers together, open files those of the worker with the most: the medians of the second quarter of the time and of the last. In the end everybody logs out. What is left then are end markers, entries of the index, and sessions whose cookies never arrived.',
    plainTable(head, lines),
    rows.map(({ store, left }) => `- Left in the end, ${store}: ${left}.`).join('\n'),
  ];
}
