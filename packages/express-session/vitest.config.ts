import { mergeConfig } from 'vitest/config';
import base from '../../vitest.base.ts';

// Some tests run the compiler and whole apps, which take their time where other packages are being built.
export default mergeConfig(base, { test: { testTimeout: 30_000 } });
