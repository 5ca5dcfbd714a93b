import { testCookies } from './demo-cookies-suite.ts';
import { testLauncher } from './demo-launcher-suite.ts';
import { testRotation } from './demo-rotation-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { koaDemo } from './koa-demo.ts';

testRoutes(koaDemo, 'fs');
testCookies(koaDemo, 'fs');
testRotation(koaDemo, 'fs');
testLauncher(koaDemo);
