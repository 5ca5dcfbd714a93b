import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

// These tests start threads and processes by the dozen, which takes its time on a machine with other things to do.
export default mergeConfig(base, { test: { testTimeout: 120_000 } });
