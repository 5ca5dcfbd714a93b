import { launch } from '@sess/demo-kit';
import { createApp } from './app.ts';

launch({
  framework: 'Koa',
  command: 'npm run demo:koa',
  createListener(parts) {
    const answer = createApp(parts).callback();
    return (request, response) => void answer(request, response);
  },
});
