import { testFlicker } from './demo-flicker-suite.ts';
import { testRaces } from './demo-races-suite.ts';
import { honoDemo } from './hono-demo.ts';

testFlicker(honoDemo, ['fs']);
testRaces(honoDemo, 'fs');
