import { testInBrowser } from './demo-browser-suite.ts';
import { nextDemo } from './next-demo.ts';

testInBrowser(nextDemo, ['fs']);
