import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Visitor, newcomer } from './http-client.ts';
import { type RotationStage, environmentOf, oneStep, stages } from './rotation-stages.ts';
import { type DemoDescription, type RunningDemo, startDemo } from './start-demo.ts';

/** Somebody who has logged in, and whoever is asked by their browser. */
interface Person {
  readonly user: string;
  readonly cookie: string;
}

async function logIn(demo: RunningDemo): Promise<Person> {
  const user = newcomer('Ada');
  const visitor = new Visitor(demo.url);
  await visitor.login(user);
  return { user, cookie: String(visitor.jar.header()) };
}

/** Of the people, those whom both workers of a demo know. No answer may touch their cookies. */
async function known(demo: RunningDemo, people: readonly Person[]): Promise<string[]> {
  const users: string[] = [];
  for (const { user, cookie } of people) {
    const answers: unknown[] = [];
    for (let count = 0; count < 2; count += 1) {
      const visitor = new Visitor(demo.url);
      visitor.jar.apply([cookie]);
      answers.push((await visitor.me())['user']);
      expect(visitor.jar.header()).toBe(cookie);
    }
    if (answers.every((answer) => answer === user)) users.push(user);
  }
  return users;
}

const usersOf = (people: readonly Person[]): string[] => people.map(({ user }) => user);

/** The secret is changed while the app runs: workers of before and after serve the same visitors at the same time. */
export function testRotation(description: DemoDescription, store: 'fs' | 'redis'): void {
  describe(`${description.framework} demo on ${store}: a rotation of the secret`, () => {
    /** Processes with different secrets, and the sessions of all of them in one place. */
    async function deployer(): Promise<(stage: RotationStage) => Promise<RunningDemo>> {
      const directory = await mkdtemp(join(tmpdir(), 'sess-rotation-'));
      const running: RunningDemo[] = [];
      onTestFinished(async () => {
        await Promise.all(running.map((demo) => demo.stop()));
        await rm(directory, { recursive: true, force: true });
      });
      return async (stage) => {
        const env = { SESSION_DIR: join(directory, 'sessions'), ...environmentOf(stage) };
        const demo = await startDemo(description, { store, workers: 2, env });
        running.push(demo);
        return demo;
      };
    }

    test('as it is documented, nobody is logged out by it', { timeout: 120_000 }, async () => {
      const deploy = await deployer();
      const people: Person[] = [];
      let before: RunningDemo | undefined;
      // The last stage is for when the old cookies have ended.
      for (const stage of stages.slice(0, -1)) {
        const after = await deploy(stage);
        const both = before === undefined ? [after] : [before, after];
        for (const demo of both) people.push(await logIn(demo));
        for (const demo of both) expect(await known(demo, people)).toEqual(usersOf(people));
        before = after;
      }
      expect(people).toHaveLength(5);
    });

    test('control: in one step, the old workers take new users for strangers', { timeout: 60_000 }, async () => {
      const deploy = await deployer();
      const [before, after] = await Promise.all(oneStep.map(deploy));
      if (before === undefined || after === undefined) throw new Error('Both have to run.');
      const people = [await logIn(before), await logIn(after)];
      expect(await known(after, people)).toEqual(usersOf(people));
      expect(await known(before, people)).toEqual(usersOf(people.slice(0, 1)));
    });
  });
}
