import { testFlicker } from './demo-flicker-suite.ts';
import { testRaces } from './demo-races-suite.ts';
import { fastifyDemo } from './fastify-demo.ts';

testFlicker(fastifyDemo, ['fs']);
testRaces(fastifyDemo, 'fs');
