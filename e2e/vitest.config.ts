import { defineConfig } from 'vitest/config';
import base from '../vitest.base.ts';

/** They install, compile and build: nothing in them has to answer within a second. */
const building = [
  'src/built-frameworks.test.ts',
  'src/documentation.test.ts',
  'src/migration.test.ts',
  'src/next-bundles.test.ts',
  'src/next-edge.test.ts',
  'src/publish-install.test.ts',
  'src/readme-code.test.ts',
];

const { reporters, outputFile, ...ofProjects } = base.test ?? {};
const { exclude = [] } = ofProjects;

// The others have servers, browsers and bounds, one file at a time: a test that is short of CPU lies.
export default defineConfig({
  test: {
    reporters,
    outputFile,
    projects: [
      { test: { ...ofProjects, name: 'building', include: building, maxWorkers: 2, sequence: { groupOrder: 0 } } },
      {
        test: {
          ...ofProjects,
          name: 'serving',
          exclude: [...exclude, ...building],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
