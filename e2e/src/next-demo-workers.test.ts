import { testFlicker } from './demo-flicker-suite.ts';
import { testRaces } from './demo-races-suite.ts';
import { nextDemo } from './next-demo.ts';

testFlicker(nextDemo, ['fs']);
testRaces(nextDemo, 'fs');
