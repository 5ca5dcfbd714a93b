// npm run faults [-- --only F5,F12] [--store redis] [--app Koa] [--seed 7] [--endurance 30] [--write]
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect, parseArgs } from 'node:util';
import { keepEvidence } from './evidence.ts';
import { hostileInput } from './hostile/hostile-input.ts';
import { timing } from './hostile/timing.ts';
import { lasting } from './lasting.ts';
import { page } from './page.ts';
import { picture } from './picture.ts';
import { type Planned, missingFor, plan } from './plan.ts';
import { type RowResult, full } from './play-row.ts';
import { type Results, addedTo, machine, readResults, replaced, today, writeResults } from './results.ts';
import { shortTable } from './table.ts';

const { values } = parseArgs({
  options: {
    // Numbers of faults; `hostile` and `timing` are parts of the whole too.
    only: { type: 'string' },
    store: { type: 'string' },
    app: { type: 'string' },
    seed: { type: 'string' },
    cases: { type: 'string', default: '1000000' },
    // One kind of hostile input alone, as the page names it. Runs of one day with other seeds add up.
    input: { type: 'string' },
    // Minutes for each store.
    endurance: { type: 'string' },
    // Makes docs/reliability.md, of the rows that are recorded there and those of this run.
    write: { type: 'boolean', default: false },
  },
});

const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
const only = values.only?.split(',');
const isWanted = (name: string): boolean => only?.includes(name) ?? true;
const isOfStore = (store: string): boolean => values.store === undefined || values.store === store;
const out = fileURLToPath(new URL(values.write ? '../../../docs' : '../../faults-results', import.meta.url));
const docs = join(out, 'reliability');
const say = (line: string): void => console.error(line);

const recorded = join(docs, 'results.json');
let results = readResults(recorded);
let failures = 0;

/** Another run may have written meanwhile: one of another store, on another terminal. */
function keep(change: (before: Results) => Partial<Results>): void {
  const before = readResults(recorded);
  results = { ...before, ...change(before), machine: machine() };
  writeResults(recorded, results);
  writeFileSync(join(docs, 'wrong-answers.svg'), picture(results));
  writeFileSync(join(out, 'reliability.md'), `${page(results)}\n`);
}

const keyOf = (row: RowResult): string => [row.id, row.fault, row.store, row.contestant].join();

/** Where each row has its place, whenever it was played. One that is planned no more has none. */
const places = new Map(
  plan.map(({ row, contestant }, at) => [[row.id, row.name, row.store, contestant.name].join(), at]),
);

const nameOf = ({ row, contestant }: Planned): string => `${row.id} ${row.name}, ${row.store}, ${contestant.name}`;

/** What could not be played at all. */
const failed = (cause: unknown): Error => (cause instanceof Error ? cause : new Error('It failed.', { cause }));

async function play(planned: Planned, progress: string): Promise<void> {
  const { row, contestant, isPeer } = planned;
  const missing = missingFor(planned);
  if (missing !== undefined) {
    say(`${progress} ${nameOf(planned)}: skipped, ${missing}`);
    keep(({ skipped }) => ({ skipped: { ...skipped, [nameOf(planned)]: missing } }));
    return;
  }
  const played = await row.play(contestant, { seed, extent: full }).catch(failed);
  if (played instanceof Error) {
    say(`${progress} ${nameOf(planned)}: ${inspect(played)}`);
    failures += 1;
    return;
  }
  const { result } = played;
  const told = `${result.right} right, ${result.refused} refused, ${result.brokenOff} cut off, ${result.wrong} wrong`;
  say(`${progress} ${nameOf(planned)}: ${told}; ${result.proof}`);
  for (const problem of [...result.problems, ...(result.failure === undefined ? [] : [result.failure])])
    say(`    ${problem}`);
  if (!isPeer && (result.wrong > 0 || result.failure !== undefined)) {
    failures += 1;
    for (const line of keepEvidence(`${row.id}-${row.store}-${contestant.name}-${seed}`, played)) say(`    ${line}`);
    say(
      `    Once more: npm run faults -- --only ${row.id} --store ${row.store} --app ${contestant.name} --seed ${seed}`,
    );
    return;
  }
  keep((before) => {
    const rows = replaced(before.rows, [{ ...result, isPeer, on: today() }], keyOf)
      .filter((one) => places.has(keyOf(one)))
      .toSorted((a, b) => (places.get(keyOf(a)) ?? 0) - (places.get(keyOf(b)) ?? 0));
    const { [nameOf(planned)]: _played, ...skipped } = before.skipped;
    return { rows, skipped };
  });
}

const rows = plan.filter(
  ({ row, contestant }) =>
    isWanted(row.id) && isOfStore(row.store) && (values.app === undefined || values.app === contestant.name),
);
for (const [at, planned] of rows.entries()) await play(planned, `[${at + 1}/${rows.length}]`);

if (isWanted('hostile')) {
  const settings = { cases: Number(values.cases), seed, only: values.input, say };
  const played = (await hostileInput(settings)).map((row) => ({ ...row, on: today() }));
  failures += played.filter(({ failure }) => failure !== undefined).length;
  keep(({ hostile }) => ({ hostile: addedTo(hostile, played) }));
}

if (isWanted('timing')) {
  const timed = (await timing(200_000, seed)).map((row) => ({ ...row, on: today() }));
  const differences = timed.flatMap(({ compared, failure }) =>
    failure === undefined ? [] : [`${compared}: ${failure}`],
  );
  for (const line of differences) say(line);
  failures += differences.length;
  if (differences.length === 0) keep(() => ({ timing: timed }));
}

if (values.endurance !== undefined) {
  const minutes = Number(values.endurance);
  for (const run of lasting.filter(({ store }) => isOfStore(store))) {
    const endured = await run.endure({ minutes, seed, say }).catch(failed);
    if (endured instanceof Error) {
      say(`${run.store}: ${inspect(endured)}`);
      failures += 1;
      continue;
    }
    const { result } = endured;
    say(`${run.store}: ${inspect(result, { breakLength: Infinity })}`);
    if (result.problems.length > 0) {
      failures += 1;
      for (const line of keepEvidence(`endurance-${run.store}-${seed}`, endured)) say(`    ${line}`);
      continue;
    }
    keep(({ endurance }) => ({
      endurance: replaced(endurance, [{ ...result, on: today() }], ({ store }) => store),
    }));
  }
}

// Also where nothing was played: the page is made of what there is.
keep(() => ({}));
console.log(shortTable(results.rows));
console.log(`\nWritten to ${out}`);
process.exit(failures === 0 ? 0 : 1);
