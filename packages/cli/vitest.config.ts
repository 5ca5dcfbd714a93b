import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

// These tests start the built command again and again, and servers for it.
export default mergeConfig(base, { test: { testTimeout: 180_000, hookTimeout: 180_000 } });
