import { testFlicker, testFlickerControl, testKills } from './demo-flicker-suite.ts';
import { testAnonymous, testRaces } from './demo-races-suite.ts';
import { expressDemo } from './express-demo.ts';

testFlicker(expressDemo, 'fs');
testFlickerControl(expressDemo);
testKills(expressDemo, 'fs');
testRaces(expressDemo, 'fs');
testAnonymous(expressDemo);
