import { testCookies } from './demo-cookies-suite.ts';
import { testFlicker } from './demo-flicker-suite.ts';
import { testLauncher } from './demo-launcher-suite.ts';
import { testRotation } from './demo-rotation-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { nextDemo } from './next-demo.ts';

testRoutes(nextDemo, 'fs');
testCookies(nextDemo, 'fs');
testRotation(nextDemo, 'fs');
testLauncher(nextDemo);
testFlicker(nextDemo, 'fs');
