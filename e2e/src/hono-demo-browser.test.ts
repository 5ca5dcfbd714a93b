import { testInBrowser } from './demo-browser-suite.ts';
import { honoDemo } from './hono-demo.ts';

testInBrowser(honoDemo, ['fs']);
