import { testInBrowser } from './demo-browser-suite.ts';
import { fastifyDemo } from './fastify-demo.ts';

testInBrowser(fastifyDemo, ['fs']);
