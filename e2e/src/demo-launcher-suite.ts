import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Visitor, objectIn, send } from './http-client.ts';
import { type DemoDescription, type DemoProcess, runDemo, startDemo } from './start-demo.ts';

/** What one may type, which is the same for all demos. */
export function testCommandLine({ framework, main }: DemoDescription): void {
  describe(`${framework} demo: command line`, () => {
    test.each([
      [['--colour', 'red'], {}, '--colour'],
      [['surprise'], {}, 'surprise'],
      [['--store', 'mongo'], {}, '--store must be one of fs, memory, redis, postgres, cookie, not "mongo".'],
      [['--workers', '0'], {}, '--workers must be a whole number from 1 to 64, not "0".'],
      [['--workers', 'many'], {}, '--workers must be a whole number'],
      [['--port', '70000'], {}, '--port must be a whole number from 0 to 65535, not "70000".'],
      [[], { PORT: 'http' }, 'PORT must be a whole number'],
    ])('%j with %j is refused with the usage, exit code 2', async (flags, env, words) => {
      const demo = runDemo(main, flags, env);
      expect(await demo.ended).toBe(2);
      expect(demo.output()).toContain(words);
      expect(demo.output()).toContain('Usage: ');
    });

    test('--help prints the usage', async () => {
      const demo = runDemo(main, ['--help'], {});
      expect(await demo.ended).toBe(0);
      expect(demo.output()).toMatch(/^Usage: /);
    });
  });
}

/** The start, the stop, and a store that goes away. */
export function testLauncher(description: DemoDescription): void {
  describe(`${description.framework} demo: launcher`, () => {
    let home: string;
    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), 'sess-launch-'));
    });
    afterAll(() => rm(home, { recursive: true, force: true }));

    const run = (flags: readonly string[], env: Record<string, string> = {}): DemoProcess =>
      runDemo(description.main, flags, { SESSION_DIR: join(home, 'sessions'), ...env });

    test('a port in use is said in one sentence, with the line to type instead', async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as AddressInfo;
      const demo = run(['--port', String(port)]);
      expect(await demo.ended).toBe(1);
      expect(demo.output()).toBe(
        `Port ${port} of 127.0.0.1 is in use: stop what runs there, or choose another: ${description.command} -- --port ${port + 1}\n`,
      );
      await new Promise((resolve) => other.close(resolve));
    });

    test('an address of another machine is said in one sentence, too', async () => {
      const demo = run(['--port', '0', '--host', '192.0.2.77']);
      expect(await demo.ended).toBe(1);
      expect(demo.output()).toBe(
        `192.0.2.77 is not an address of this machine: choose one: ${description.command} -- --host 127.0.0.1\n`,
      );
    });

    test('a store that cannot be opened ends the start with its reason', { timeout: 30_000 }, async () => {
      const demo = run(['--port', '0', '--store', 'redis'], { REDIS_URL: 'redis://127.0.0.1:1' });
      expect(await demo.ended).toBe(1);
      expect(demo.output()).toContain('The demo could not start: ');
      expect(demo.output()).not.toMatch(/^\s+at /m);
    });

    test('it says once where it runs, how it stores and why', { timeout: 30_000 }, async () => {
      const demo = await startDemo(description);
      try {
        const output = demo.output();
        expect(output.match(/ demo: http:\/\//g)).toHaveLength(1);
        expect(output).toContain(`${description.framework} demo: ${demo.url} (4 workers)`);
        expect(output.match(/Session storage initialized: filesystem/g)).toHaveLength(1);
        expect(output.match(/Session directory: /g)).toHaveLength(1);
        expect(output).toContain(`Session directory: ${demo.sessionDirectory}`);
        // Nothing was asked for, so the library chose.
        expect(await new Visitor(demo.url).me()).toMatchObject({ store: 'fs' });
      } finally {
        await demo.stop();
      }
    });

    test.each(['SIGTERM', 'SIGINT'] as const)(
      '%s lets requests finish and ends with 0',
      { timeout: 30_000 },
      async (signal) => {
        const demo = await startDemo(description, { store: 'fs' });
        const ada = new Visitor(demo.url);
        await ada.login('Ada');
        const slow = ada.post('/api/set/late?delay=700', { value: 1 });
        await pause(200);
        const ended = new Promise((resolve) => demo.process.once('close', (code, by) => resolve(by ?? code)));
        const askedAt = Date.now();
        demo.process.kill(signal);
        expect((await slow).status).toBe(200);
        expect(await ended).toBe(0);
        expect(Date.now() - askedAt).toBeLessThan(5_000);
        await expect(send(`${demo.url}/api/me`)).rejects.toThrow('ECONNREFUSED');
        await demo.stop();
      },
    );

    test(
      'a store that goes away is a 503, never a logout, and it comes back by itself',
      { timeout: 60_000 },
      async () => {
        const demo = await startDemo(description, { store: 'fs' });
        try {
          const ada = new Visitor(demo.url);
          await ada.login('Ada');
          const cookie = ada.jar.header();

          // A file where the directory was: nothing in it can be opened any more, not even by root.
          await rename(demo.sessionDirectory, `${demo.sessionDirectory}.away`);
          await writeFile(demo.sessionDirectory, '');
          await pause(600);
          const health = await send(`${demo.url}/healthz`);
          expect(health.status).toBe(503);
          expect(objectIn(health)['code']).toMatch(/^STORE_/);
          for (let index = 0; index < 8; index += 1) {
            const answer = await send(`${demo.url}/api/me`, { cookie });
            expect(answer.status).toBe(503);
            expect(answer.headers['retry-after']).toBe('1');
            expect(answer.headers['cache-control']).toBe('no-store');
            expect(answer.setCookies).toEqual([]);
          }
          const page = await send(`${demo.url}/`, { cookie, headers: { Accept: 'text/html' } });
          const drawn = description.drawsPage === true;
          expect(page.status).toBe(drawn ? 500 : 503);
          // Where the framework draws the page, its words come with its script: see the browser's tests.
          expect(page.text).toContain(drawn ? '' : 'You have not been logged out');
          expect(page.text).not.toContain('Logged out');

          await rm(demo.sessionDirectory);
          await rename(`${demo.sessionDirectory}.away`, demo.sessionDirectory);
          await pause(600);
          expect((await send(`${demo.url}/healthz`)).status).toBe(200);
          expect(await ada.me()).toMatchObject({ user: 'Ada' });
        } finally {
          await demo.stop();
        }
      },
    );
  });
}
