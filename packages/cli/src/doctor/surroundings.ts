import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Finding } from '@sess/core';
import type { App } from '../app.ts';
import { asUser } from '../container.ts';

/** Names that frameworks and dotenv read by themselves, and this command does not. */
const envFiles = ['.env', '.env.local', '.env.production', '.env.production.local'];

/** An address of Redis or PostgreSQL may hold a password. */
const secret = /^(SECRET_KEY(_FALLBACKS)?|(SESSION_)?(REDIS|DATABASE)_URL)$/;

const isOurs = (name: string): boolean => name === 'SESSION_DIR' || secret.test(name);

/** Whether this is the environment that the app has. */
export function examineSurroundings(app: App, read: readonly string[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of envFiles) {
    const path = join(app.folder, file);
    if (!existsSync(path)) continue;
    const names = namesIn(path).filter(isOurs);
    if (names.length === 0) continue;
    const missing = names.filter((name) => app.env[name] === undefined);
    if (missing.length > 0 && !read.includes(file)) findings.push(unreadFile(file, missing));
    const isOpen = (statSync(path).mode & 0o004) !== 0;
    if (isOpen && names.some((name) => secret.test(name))) findings.push(openFile(file));
  }
  if (process.geteuid?.() === 0) findings.push(asRoot());
  return findings;
}

/** The names alone: the values are secrets. */
function namesIn(path: string): string[] {
  try {
    return Object.keys(parseEnv(readFileSync(path, 'utf8')));
  } catch {
    return [];
  }
}

function unreadFile(file: string, names: readonly string[]): Finding {
  return {
    code: 'ENV_FILE_UNREAD',
    severity: 'warning',
    text: `${file} sets ${names.join(', ')}, and it was not read here: the app may use another storage or secret than what is told.`,
    fix: `If your app reads it: --env ${file}`,
  };
}

function openFile(file: string): Finding {
  return {
    code: 'ENV_FILE_OPEN',
    severity: 'warning',
    text: `Every user of this machine can read ${file}, which has secrets in it.`,
    fix: `chmod 600 ${file}`,
  };
}

function asRoot(): Finding {
  return {
    code: 'USER_ROOT',
    severity: 'note',
    text: 'This runs as root, who may do what the app may not, and who has a default session directory of its own.',
    fix: `If the app runs as another user, run this as that user: ${asUser('<user>', 'npx @sess/cli doctor')}`,
  };
}
