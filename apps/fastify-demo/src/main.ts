import { launch } from '@sess/demo-kit';
import { createApp } from './app.ts';

launch({
  framework: 'Fastify',
  command: 'npm run demo:fastify',
  async createListener(parts) {
    const app = createApp(parts);
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
});
