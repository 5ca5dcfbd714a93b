import { testBreaking } from './demo-breaking-suite.ts';
import { testInBrowser } from './demo-browser-suite.ts';
import { expressDemo } from './express-demo.ts';

testInBrowser(expressDemo, ['fs']);
testBreaking(expressDemo, 'fs');
