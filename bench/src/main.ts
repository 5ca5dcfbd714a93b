// npm run bench [-- --quick] [--only 'On Hono'] [--out folder]: all measurements, or the groups whose title has that in it, as
// tables here, and as JSON and a picture in the folder.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, platform } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureAll } from './measure-all.ts';
import { full, only, quick } from './plan.ts';
import { picture, report } from './report.ts';
import { makeScratch } from './scratch.ts';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, only: { type: 'string' }, out: { type: 'string' } },
});
const extent = values.quick ? quick : full;
const out = resolve(values.out ?? fileURLToPath(new URL('../results', import.meta.url)));

/** The servers on one processor; what loads them, and Redis, on another. */
function pinServers(): number | undefined {
  if (platform() !== 'linux' || cpus().length < 2) return undefined;
  execFileSync('taskset', ['-a', '-p', '-c', '0', String(process.pid)], { stdio: 'ignore' });
  return 1;
}

const scratch = makeScratch();
process.on('exit', () => {
  scratch.leave();
  console.error(
    `${scratch.path} is removed in the background: minutes, if it holds millions of files. A run that starts before measures that too.`,
  );
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const results = await measureAll(values.only === undefined ? extent : only(values.only, extent), {
  scratch: scratch.path,
  loadCore: pinServers(),
  say: (line) => console.error(line),
});
console.log(report(results));
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'results.json'), `${JSON.stringify(results, undefined, 1)}\n`);
if (values.only === undefined) writeFileSync(join(out, 'added-cpu.svg'), picture(results));
console.log(`\nWritten to ${out}`);
process.exit();
