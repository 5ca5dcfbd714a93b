import { testCookies } from './demo-cookies-suite.ts';
import { testCommandLine, testLauncher } from './demo-launcher-suite.ts';
import { testRotation } from './demo-rotation-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { expressDemo } from './express-demo.ts';

testRoutes(expressDemo, 'fs');
testCookies(expressDemo, 'fs');
testRotation(expressDemo, 'fs');
testLauncher(expressDemo);
testCommandLine(expressDemo);
