import { testCookies } from './demo-cookies-suite.ts';
import { testLauncher } from './demo-launcher-suite.ts';
import { testRotation } from './demo-rotation-suite.ts';
import { testRoutes } from './demo-routes-suite.ts';
import { fastifyDemo } from './fastify-demo.ts';

testRoutes(fastifyDemo, 'fs');
testCookies(fastifyDemo, 'fs');
testRotation(fastifyDemo, 'fs');
testLauncher(fastifyDemo);
