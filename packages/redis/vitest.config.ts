import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

// These tests wait for servers, timeouts and failovers: more files than cores run at a time.
export default mergeConfig(base, { test: { maxWorkers: 4 } });
