import { testInBrowser } from './demo-browser-suite.ts';
import { koaDemo } from './koa-demo.ts';

testInBrowser(koaDemo, ['fs']);
