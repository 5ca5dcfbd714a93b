import { defineConfig, type ViteUserConfig } from 'vitest/config';

// Every package's vitest.config.ts is one line that re-exports this.
// `npm test` adds up the result files, so that it can print one total.
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['**/*.test.{ts,mjs}'],
    // Tests among the fixtures are of apps that a suite makes: it runs them where they are installed.
    exclude: ['**/node_modules/**', '**/dist/**', '**/fixtures/**'],
    // One file a core at a time: each waits for timers and processes now and then.
    maxWorkers: '100%',
    // For machines that have other things to do: nothing here should take this long.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    reporters: ['default', 'json'],
    outputFile: { json: 'test-results.json' },
  },
});

export default config;
