import { getRequestListener } from '@hono/node-server';
import { launch } from '@sess/demo-kit';
import { createApp } from './app.ts';

launch({
  framework: 'Hono',
  command: 'npm run demo:hono',
  createListener(parts) {
    const answer = getRequestListener(createApp(parts).fetch);
    return (request, response) => void answer(request, response);
  },
});
