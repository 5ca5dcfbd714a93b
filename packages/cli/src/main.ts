#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { isSessError } from '@sess/core';
import { CommanderError } from 'commander';
import { CommandError, type ExitCode, exitCodes } from './exit-codes.ts';
import { type PackageFacts, program } from './program.ts';
import { openTerminal } from './terminal.ts';

const terminal = openTerminal();
const facts = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as PackageFacts;

try {
  await program(terminal, facts).parseAsync();
} catch (error) {
  process.exitCode = tell(error);
}
// A client that the configuration file has made for its store is not ours to close, and would keep the command from ending.
// In a turn of its own: what could not be written is told first.
process.stdout.write('', () => setImmediate(() => process.exit()));

function tell(error: unknown): ExitCode {
  // Commander has said it already; help and version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
  const { err } = terminal;
  const name = err.paint('red', isSessError(error) ? error.code : 'error');
  err.line(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  return error instanceof CommandError ? error.exitCode : exitCodes.fault;
}
