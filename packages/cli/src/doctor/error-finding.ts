import { type Finding, type SessError, type SessErrorCode, isSessError } from '@sess/core';
import { isContainer } from '../container.ts';

/** What to do about the errors that a start can end with. The sentence of the error itself says what is the matter. */
const fixes: Partial<Record<SessErrorCode, string>> = {
  CONFIG_INVALID: 'Correct the option or variable that it names.',
  SECRET_INVALID: 'Do what it says. This makes a good one, to be the same for all workers: npx @sess/cli secret',
  STORE_PACKAGE_MISSING: "Install it in the app's folder, and run this there.",
  FS_DIRECTORY: 'Do what it says, or set SESSION_DIR to a directory that belongs to the app alone.',
  FS_UNSUPPORTED: 'Keep sessions in Redis or PostgreSQL: set SESSION_REDIS_URL or SESSION_DATABASE_URL.',
  STORE_UNAVAILABLE: 'Start the server, or correct its address, user and password; then look at its own log.',
  STORE_TIMEOUT: 'Look whether the server is overloaded or stands still, and at the network between.',
  STORE_BUSY: 'Look at what keeps the storage busy, and run this again.',
  STORE_FULL: 'Make room, or raise maxmemory: until then nobody can log in.',
};

/** The same where the storage is files, and no server is asked. */
const fixesOfFiles: Partial<Record<SessErrorCode, string>> = {
  STORE_UNAVAILABLE:
    "Do what it says with the directory, as root or the app's user; look at the disk if it names none.",
  STORE_TIMEOUT: 'Look whether the disk hangs or is overloaded: iostat, the kernel log.',
  STORE_FULL: 'Free disk space or inodes: until then nobody can log in.',
};

/** In a container the loopback is the container itself, and the server is seldom in there: nobody answers. */
const lonely = /\b(127\.0\.0\.1|localhost|::1)\b.*(cannot be reached|refuses connections)/;

function fixOf({ code, message }: SessError, isOfFiles: boolean): string {
  if (code === 'STORE_UNAVAILABLE' && !isOfFiles && isContainer() && lonely.test(message))
    return 'Inside a container that address is the container itself. Use the name of the server on their network, such as the service of a compose file: redis://redis:6379, postgres://postgres:5432/app';
  return (isOfFiles ? fixesOfFiles[code] : undefined) ?? fixes[code] ?? `Look up ${code} in docs/errors.md.`;
}

/** An error that the app would meet too, as a finding. */
export function errorFinding(error: unknown, isOfFiles = false): Finding {
  if (isSessError(error))
    return {
      code: error.code,
      severity: 'error',
      text: error.message,
      fix: fixOf(error, isOfFiles),
    };
  return {
    code: 'DOCTOR_FAULT',
    severity: 'error',
    text: `Looking failed: ${error instanceof Error ? error.message : String(error)}`,
    fix: 'Correct what it names, and run this again.',
  };
}
