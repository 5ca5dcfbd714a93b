import { testLauncher } from './demo-launcher-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { expressDemo } from './express-demo.ts';

testRoutes(expressDemo, 'fs');
testLauncher(expressDemo);
