import { testCookies } from './demo-cookies-suite.ts';
import { testLauncher } from './demo-launcher-suite.ts';
import { testRotation } from './demo-rotation-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { honoDemo } from './hono-demo.ts';

testRoutes(honoDemo, 'fs');
testCookies(honoDemo, 'fs');
testRotation(honoDemo, 'fs');
testLauncher(honoDemo);
