import { testFlicker, testFlickerControl, testKills } from './demo-flicker-suite.ts';
import { testRaces } from './demo-races-suite.ts';
import { honoDemo } from './hono-demo.ts';

testFlicker(honoDemo, 'fs');
testFlickerControl(honoDemo);
testKills(honoDemo, 'fs');
testRaces(honoDemo, 'fs');
