import { testLauncher } from './demo-launcher-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { nextDemo } from './next-demo.ts';

testRoutes(nextDemo, 'fs');
testLauncher(nextDemo);
