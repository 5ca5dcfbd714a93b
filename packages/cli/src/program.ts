import { Command, InvalidArgumentError, Option } from 'commander';
import { type AppFlags, readApp } from './app.ts';
import { type DoctorFlags, doctor } from './commands/doctor.ts';
import { type ListFlags, list } from './commands/list.ts';
import { type MigrateFlags, migrate } from './commands/migrate.ts';
import { type RevokeFlags, revoke } from './commands/revoke.ts';
import { secret } from './commands/secret.ts';
import { type ShowFlags, show } from './commands/show.ts';
import { type StatsFlags, stats } from './commands/stats.ts';
import { sweep } from './commands/sweep.ts';
import type { Terminal } from './terminal.ts';

const exitCodesHelp = `
Exit codes:
  0    done; the doctor found no error
  1    the doctor found an error; what was asked for is not there, or was not confirmed
  2    the command line is wrong
  3    it could not be done: storage that cannot be reached, wrong configuration
  4    the output could not be written: the disk is full, for one
  130  Ctrl-C`;

const examples = `
Examples:
  npx @sess/cli doctor --env .env           what is wrong, and what to do about it
  npx @sess/cli list --owner ada            who is logged in where
  npx @sess/cli show 3f9a1c                 one session, by the first digits of its handle
  npx @sess/cli revoke 3f9a1c 77b0d2        end two sessions
  npx @sess/cli revoke --owner ada --yes    log ada out everywhere`;

/** Examples of single commands, in their own help. */
const examplesOf: Record<string, readonly string[]> = {
  doctor: [
    'NODE_ENV=production npx @sess/cli doctor --env .env --url https://app.example',
    'npx @sess/cli doctor --report-url https://app.example/admin/sessions --header "Authorization: Bearer $TOKEN"',
  ],
  list: ['npx @sess/cli list --owner ada', 'npx @sess/cli list --limit all --json | jq .sessions[].handle'],
  show: ['npx @sess/cli show 3f9a1c', 'npx @sess/cli show 3f9a1c --key cart | jq .'],
  revoke: ['npx @sess/cli revoke 3f9a1c', 'npx @sess/cli revoke --owner ada --yes'],
  stats: ['npx @sess/cli stats', 'npx @sess/cli stats --limit all --json'],
  sweep: ['npx @sess/cli sweep --env .env'],
};

/** What the package says about itself. */
export interface PackageFacts {
  version: string;
  /** The address of the documentation, where the publisher has set one. */
  homepage?: string;
}

/** The command line: what there is, and what each command takes. */
export function program(terminal: Terminal, { version, homepage }: PackageFacts): Command {
  const site = homepage === undefined ? '' : `\n\nDocumentation: ${homepage}`;
  const sess = new Command('sess')
    .description(
      "Operate @sess sessions. Run it in the app's folder, as the app's user and with its environment:\nit then chooses the same storage as the app.",
    )
    .version(version)
    .showHelpAfterError('(sess --help tells of all commands)')
    .addHelpText('after', `${examples}\n${exitCodesHelp}${site}`)
    // What a pipe takes is not for a screen: no lines are broken there.
    .configureOutput({ getOutHelpWidth: () => terminal.out.width, getErrHelpWidth: () => terminal.err.width })
    .exitOverride();

  /** A command that looks at an app. */
  function command(signature: string, description: string): Command {
    const made = sess.command(signature).description(description);
    const lines = examplesOf[made.name()]?.map((line) => `\n  ${line}`).join('');
    return made
      .addHelpText('after', `\nExamples:${lines}${site}`)
      .addOption(repeatable('--env <file>', 'a file of environment variables, as for node --env-file'))
      .option('--config <file>', 'exports the options of createSessions (default: sess.config.mjs)');
  }

  command('doctor', 'look for what is wrong: configuration, secrets, storage; and the app itself, by its address')
    .option('--url <url>', 'visit the app there, and look at its cookie')
    .option('--report-url <url>', "compare the workers' debug reports, from your app's own route")
    .addOption(repeatable('--header <header>', "what the report's route asks for: 'Authorization: ...'"))
    .option('--requests <number>', 'how often the report is asked for, each time on a new connection', positive, 12)
    .option('--json', 'for programs')
    .action(async (flags: AppFlags & DoctorFlags) => doctor(await readApp(flags), flags, terminal));

  sess
    .command('secret')
    .description('print a new secret, and nothing else: SECRET_KEY=$(npx @sess/cli secret)')
    .action(() => secret(terminal));

  command('list', 'sessions, without their values')
    .option('--owner <owner>', 'only those of this owner')
    .option('--limit <number>', 'how many, or "all"', limit, 100)
    .option('--json', 'for programs')
    .action(async (flags: AppFlags & ListFlags) => list(await readApp(flags), flags, terminal));

  command('show <handle>', 'one session, by its handle or the first digits of it: its keys and their sizes')
    .addOption(repeatable('--key <name>', 'print the value of this key, and nothing else'))
    .option('--json', 'for programs')
    .action(async (handle: string, flags: AppFlags & ShowFlags) => show(await readApp(flags), handle, flags, terminal));

  command('revoke [handles...]', 'end sessions, wherever they are used; the first digits of a handle are enough')
    .option('--owner <owner>', 'all of this owner')
    .option('--yes', 'do not ask')
    .option('--json', 'for programs')
    .action(async (handles: string[], flags: AppFlags & RevokeFlags) =>
      revoke(await readApp(flags), handles, flags, terminal),
    );

  command('stats', 'count sessions, and measure their sizes and ages')
    .option('--limit <number>', 'how many are read at most, or "all"', limit, 10_000)
    .option('--json', 'for programs')
    .action(async (flags: AppFlags & StatsFlags) => stats(await readApp(flags), flags, terminal));

  command('sweep', 'remove what has expired, now (Redis does it by itself)')
    .option('--json', 'for programs')
    .action(async (flags: AppFlags & { json?: true }) => sweep(await readApp(flags), flags, terminal));

  command('migrate', 'make the tables that sessions need (PostgreSQL; others need none)')
    .option('--dry-run', 'only print the SQL')
    .option('--json', 'for programs')
    .action(async (flags: AppFlags & MigrateFlags) => migrate(await readApp(flags), flags, terminal));

  return sess;
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, `${description}; may be repeated`).argParser(gather).default([], 'none');
}

function gather(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function positive(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('A whole number above 0 is needed.');
}

function limit(text: string): number {
  return text === 'all' ? Infinity : positive(text);
}
