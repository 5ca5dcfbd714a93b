import { defineConfig, type ViteUserConfig } from 'vitest/config';

// Every package's vitest.config.ts is one line that re-exports this.
// `npm test` adds up the result files, so that it can print one total.
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['**/*.test.{ts,mjs}'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // For machines that have other things to do: nothing here should take this long.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    reporters: ['default', 'json'],
    outputFile: { json: 'test-results.json' },
  },
});

export default config;
