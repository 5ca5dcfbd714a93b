import { testFlicker } from './demo-flicker-suite.ts';
import { testRaces } from './demo-races-suite.ts';
import { koaDemo } from './koa-demo.ts';

testFlicker(koaDemo, ['fs']);
testRaces(koaDemo, 'fs');
