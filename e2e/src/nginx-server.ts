import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from './redis-server.ts';

/** An nginx of our own: a directory of its own, free ports of the loopback, ended by its pid. */
export interface NginxServer {
  /** Where it speaks TLS. */
  readonly port: number;
  /** Where it sends everybody to TLS. */
  readonly plainPort: number;
  /** The certificate, which nobody but the test trusts. */
  readonly certificate: string;
  /** What its log says about the app behind it, line by line. */
  errors(): string[];
  dispose(): Promise<void>;
}

/** What still runs when the test process ends goes with it. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * @param site the server blocks as a page shows them, with the usual ports and the paths of certificates
 * @param appPort where the app listens
 */
export async function startNginx(site: string, appPort: number): Promise<NginxServer> {
  const directory = mkdtempSync(join(tmpdir(), 'sess-nginx-'));
  const port = await freePort();
  const plainPort = await freePort();
  const key = join(directory, 'privkey.pem');
  const certificate = join(directory, 'fullchain.pem');
  makeCertificate(key, certificate);

  const edits: [string, string][] = [
    ['127.0.0.1:3000', `127.0.0.1:${appPort}`],
    ['listen 80;', `listen 127.0.0.1:${plainPort};`],
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['/etc/ssl/app/fullchain.pem', certificate],
    ['/etc/ssl/app/privkey.pem', key],
    ['https://$host$request_uri', `https://$host:${port}$request_uri`],
  ];
  for (const [usual] of edits) if (!site.includes(usual)) throw new Error(`The site does not say "${usual}".`);
  writeFileSync(
    join(directory, 'site.conf'),
    edits.reduce((text, [usual, ours]) => text.replace(usual, ours), site),
  );

  const log = join(directory, 'error.log');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  for (const name of temporary) mkdirSync(join(directory, name));
  writeFileSync(
    join(directory, 'nginx.conf'),
    // As root it would become somebody who may not read the key.
    `${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off; worker_processes 1; pid nginx.pid; error_log ${log} error;
    events { worker_connections 512; }
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${name};`).join(' ')}
      include ${join(directory, 'site.conf')};
    }\n`,
  );

  const child = spawn(nginxProgram(), ['-p', directory, '-c', 'nginx.conf', '-e', log], { stdio: 'pipe' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`nginx ended with ${code}: ${said}`)));
  });
  // Not an unhandled rejection when it ends later.
  failed.catch(() => {});
  await Promise.race([until(() => isListening(port)), failed]);

  return {
    port,
    plainPort,
    certificate: readFileSync(certificate, 'utf8'),
    errors: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []).filter((line) => line !== ''),
    async dispose() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function nginxProgram(): string {
  return ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find((path) => existsSync(path)) ?? 'nginx';
}

function makeCertificate(key: string, certificate: string): void {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate], {
    stdio: 'pipe',
  });
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
