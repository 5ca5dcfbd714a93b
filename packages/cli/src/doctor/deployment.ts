import type { Finding } from '@sess/core';
import type { Configuration } from './configuration.ts';
import type { StorageExamination } from './storage.ts';
import type { WorkerReport } from './worker-reports.ts';

/**
 * Compares the environment here, as the one that is to be deployed, with the workers that run: is the
 * step from those to this one safe while old and new workers run side by side?
 */
export function* compareDeployment(
  { fingerprints, cookie }: Configuration,
  { backend, description }: StorageExamination,
  workers: readonly WorkerReport[],
): Generator<Finding> {
  yield* rotationFindings(fingerprints, workers);

  const other = workers.find(
    ({ report }) =>
      (backend !== undefined && report.backend.name !== backend.name) ||
      (description !== undefined && report.storage !== undefined && report.storage.location !== description.location),
  );
  if (other !== undefined) {
    const { storage, backend: theirs } = other.report;
    const here = description === undefined ? (backend?.name ?? '') : `${description.name} ${description.location}`;
    yield {
      code: 'DEPLOY_BACKEND',
      severity: 'warning',
      text: `Worker ${other.name} keeps sessions in ${storage === undefined ? theirs.name : `${storage.name} ${storage.location}`} (${theirs.reason}), and here it would be ${here}.`,
      fix: "Run this in the app's folder with its environment (--env). If this is a coming deploy: it ends all sessions.",
    };
  }
  const named = workers.find(({ report }) => cookie !== undefined && report.cookie.name !== cookie.name);
  if (named !== undefined) {
    yield {
      code: 'DEPLOY_COOKIE',
      severity: 'warning',
      text: `Worker ${named.name} has the cookie ${named.report.cookie.name}, and here it would be ${cookie?.name ?? ''}.`,
      fix: 'Run this with the NODE_ENV and the options of the app. If this is a coming deploy: it ends all sessions.',
    };
  }
}

/** Rotation takes two deploys: the new secret as a fallback everywhere, then first with the old one as a fallback. */
function* rotationFindings(coming: readonly string[], workers: readonly WorkerReport[]): Generator<Finding> {
  const [signing] = coming;
  if (signing === undefined) return;
  const deaf = workers.find(({ report }) => !report.secrets.some(({ fingerprint }) => fingerprint === signing));
  if (deaf !== undefined) {
    yield {
      code: 'SECRET_NOT_DISTRIBUTED',
      severity: 'error',
      text: `SECRET_KEY here is ${signing}, which running worker ${deaf.name} does not accept: while both run, users flicker between logged in and logged out.`,
      fix: 'Rotate in two deploys: first the new one last, in SECRET_KEY_FALLBACKS, everywhere; then as SECRET_KEY, the old one behind it.',
    };
  }
  const dropped = workers
    .map(({ name, report }) => ({ name, fingerprint: report.secrets[0]?.fingerprint }))
    .find(({ fingerprint }) => fingerprint !== undefined && !coming.includes(fingerprint));
  if (dropped !== undefined) {
    yield {
      code: 'SECRET_OLD_DROPPED',
      severity: 'error',
      text: `Running worker ${dropped.name} signs with secret ${dropped.fingerprint}, which is neither SECRET_KEY nor in SECRET_KEY_FALLBACKS here: all who are logged in are logged out.`,
      fix: 'Keep the old one in SECRET_KEY_FALLBACKS for the absolute timeout, 30 days by default. (If it has leaked, this is what you want.)',
    };
  }
  const known = workers.flatMap(({ report }) => report.secrets.slice(1).map(({ fingerprint }) => fingerprint));
  const forgotten = [...new Set(known)].filter((fingerprint) => !coming.includes(fingerprint));
  if (forgotten.length > 0) {
    yield {
      code: 'SECRET_FALLBACK_DROPPED',
      severity: 'note',
      text: `The running workers accept ${forgotten.join(', ')} in SECRET_KEY_FALLBACKS, and here it is gone: who still has a cookie signed with it is logged out.`,
      fix: 'Fine when the absolute timeout has passed since it last signed, 30 days by default.',
    };
  }
}
