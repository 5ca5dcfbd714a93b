import { randomBytes } from 'node:crypto';
import { type DebugReport, type Finding, createSessions, isSessError, memoryStore } from '@sess/core';
import type { App } from '../app.ts';
import { errorFinding } from './error-finding.ts';

/** What the app's options and environment come to. */
export interface Configuration {
  cookie?: DebugReport['cookie'];
  timeouts?: DebugReport['timeouts'];
  /** Of the secrets that are given; the first signs. None where none is given, or where they are refused. */
  fingerprints: string[];
  findings: Finding[];
}

/**
 * Makes sessions of the app's options and asks them, so that what is told is what the app would have.
 * They are in the memory of this process and end with it: nothing is stored.
 */
export async function examineConfiguration(app: App): Promise<Configuration> {
  const findings: Finding[] = [];
  const isProduction = app.env['NODE_ENV']?.trim() === 'production';
  const isGiven = app.options.secret !== undefined || isSet(app, 'SECRET_KEY') || isSet(app, 'SECRET_KEY_FALLBACKS');

  let areSecretsKnown = isGiven;
  if (isGiven || isProduction) {
    // Judged as production does: what only a deployment would refuse is told before it.
    const refusal = await refusalOf(app, { NODE_ENV: 'production' });
    if (isSessError(refusal) && refusal.code === 'SECRET_INVALID') {
      areSecretsKnown = !isProduction;
      findings.push(isProduction ? errorFinding(refusal) : weakSecret(refusal.message));
    }
  } else findings.push(developmentSecret());

  try {
    const report = await reportOf(app, app.env, areSecretsKnown);
    return {
      cookie: report.cookie,
      timeouts: report.timeouts,
      fingerprints: areSecretsKnown ? report.secrets.map(({ fingerprint }) => fingerprint) : [],
      findings,
    };
  } catch (error) {
    return { fingerprints: [], findings: [...findings, errorFinding(error)] };
  }
}

function isSet({ env }: App, name: string): boolean {
  return (env[name] ?? '').trim() !== '';
}

async function refusalOf(app: App, env: Record<string, string>): Promise<unknown> {
  try {
    await reportOf(app, { ...app.env, ...env }, true);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function reportOf(app: App, env: App['env'], withItsSecrets: boolean): Promise<DebugReport> {
  const sessions = createSessions({
    ...app.options,
    ...(withItsSecrets ? {} : { secret: randomBytes(32).toString('base64url') }),
    env,
    store: memoryStore(),
    logger: false,
  });
  return sessions.debugReport({ isAllowed: true });
}

function weakSecret(text: string): Finding {
  return {
    code: 'SECRET_WEAK',
    severity: 'warning',
    text: `Production will refuse this secret. ${text}`,
    fix: 'Before it goes to production, make one: npx @sess/cli secret',
  };
}

function developmentSecret(): Finding {
  return {
    code: 'SECRET_DEVELOPMENT',
    severity: 'note',
    text: 'SECRET_KEY is not set: in development a secret is made and kept beside the sessions; production refuses to start without one.',
    fix: 'For production make one, the same for all workers: npx @sess/cli secret',
  };
}
