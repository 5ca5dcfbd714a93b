import { type StoreTestOptions, testStore } from '../index.ts';

export interface Recording {
  passed: string[];
  failed: string[];
  skipped: string[];
}

/** Runs the suite in a runner that only takes notes: a test that fails is what we are after. */
export async function record(options: Omit<StoreTestOptions, 'runner'>): Promise<Recording> {
  const recording: Recording = { passed: [], failed: [], skipped: [] };
  const tests: { name: string; body: () => Promise<void> }[] = [];
  const path: string[] = [];

  function describe(name: string, body: () => void): void {
    path.push(name);
    body();
    path.pop();
  }
  const titled = (name: string) => [...path.slice(1), name].join(' > ');
  const it = Object.assign((name: string, body: () => Promise<void>) => tests.push({ name: titled(name), body }), {
    skip: (name: string) => recording.skipped.push(titled(name)),
  });

  testStore({ ...options, runner: { describe, it } });
  for (const { name, body } of tests) {
    const hasPassed = await body().then(
      () => true,
      () => false,
    );
    recording[hasPassed ? 'passed' : 'failed'].push(name);
  }
  return recording;
}
