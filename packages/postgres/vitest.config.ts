import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

// These tests wait for servers and timeouts: more files than cores run at a time.
export default mergeConfig(base, { test: { maxWorkers: 4 } });
