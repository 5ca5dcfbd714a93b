// Records what a visitor of the demo sees, for the front page: `npm run record:flicker` after a build. One login, then one
// page load after the other, four workers; once with sessions in the memory of each process, once in files.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const demo = fileURLToPath(new URL('../apps/express-demo/dist/main.js', import.meta.url));
const loads = 24;

async function record(store) {
  const directory = mkdtempSync(join(tmpdir(), 'sess-flicker-'));
  const child = spawn(process.execPath, [demo, '--port', '0', '--workers', '4', '--store', store], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, SESSION_DIR: join(directory, 'sessions') },
  });
  try {
    const url = await addressOf(child);
    const login = await fetch(`${url}/api/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"user":"Ada"}',
    });
    const cookie = login.headers.getSetCookie()[0].split(';')[0];
    const answers = [];
    for (let load = 0; load < loads; load += 1) {
      const me = await (await fetch(`${url}/api/me`, { headers: { cookie, connection: 'close' } })).json();
      answers.push({ worker: me.worker, knew: me.user === 'Ada' });
    }
    return answers;
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  }
}

async function addressOf(child) {
  let output = '';
  for await (const chunk of child.stdout) {
    output += chunk;
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
    if (found !== null) {
      child.stdout.resume();
      return found[0];
    }
  }
  throw new Error(`The demo did not start:\n${output}`);
}

const recorded = { memory: await record('memory'), fs: await record('fs') };
const file = fileURLToPath(new URL('front/flicker.json', import.meta.url));
writeFileSync(file, `${JSON.stringify(recorded)}\n`);
