export { GET, POST } from './route.ts';
