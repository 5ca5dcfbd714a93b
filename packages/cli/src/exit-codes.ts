/** What the process ends with: for scripts, so these never change their meaning. */
export const exitCodes = {
  /** Done; the doctor found nothing of severity error. */
  fine: 0,
  /** The doctor found an error; what was asked for is not there. */
  found: 1,
  /** The command line is wrong: nothing was done. */
  usage: 2,
  /** It could not be done: the storage cannot be reached, the configuration is wrong, it is not possible there. */
  fault: 3,
  /** The output could not be written: a full disk. What was asked for may have been done. */
  output: 4,
  /** Ctrl-C, as shells have it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends the command with a sentence on standard error. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
