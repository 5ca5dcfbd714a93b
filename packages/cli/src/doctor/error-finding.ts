import { type Finding, type SessErrorCode, isSessError } from '@sess/core';

/** What to do about the errors that a start can end with. The sentence of the error itself says what is the matter. */
const fixes: Partial<Record<SessErrorCode, string>> = {
  CONFIG_INVALID: 'Correct the option or variable that it names.',
  SECRET_INVALID: 'Make one, and give all workers the same: npx @sess/cli secret',
  STORE_PACKAGE_MISSING: "Install it in the app's folder, and run this there.",
  FS_DIRECTORY: 'Set SESSION_DIR to a directory that belongs to the app alone.',
  FS_UNSUPPORTED: 'Use Redis: set SESSION_REDIS_URL.',
  STORE_UNAVAILABLE: 'Start the server, or correct its address, user and password; then look at its own log.',
  STORE_TIMEOUT: 'Look whether the server is overloaded or stands still, and at the network between.',
  STORE_BUSY: 'Look at what keeps the storage busy, and run this again.',
  STORE_FULL: 'Make room, or raise maxmemory: until then nobody can log in.',
};

/** An error that the app would meet too, as a finding. */
export function errorFinding(error: unknown): Finding {
  if (isSessError(error))
    return {
      code: error.code,
      severity: 'error',
      text: error.message,
      fix: fixes[error.code] ?? `Look up ${error.code} in docs/errors.md.`,
    };
  return {
    code: 'DOCTOR_FAULT',
    severity: 'error',
    text: `Looking failed: ${error instanceof Error ? error.message : String(error)}`,
    fix: 'Correct what it names, and run this again.',
  };
}
