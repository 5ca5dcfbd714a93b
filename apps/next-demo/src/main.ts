import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import * as kit from '@sess/demo-kit';
import next from 'next';

/** Serves the built app. What it needs of the demo is handed over on `globalThis`: see lib/demo.ts. */
async function createListener(parts: object): Promise<RequestListener> {
  Reflect.set(globalThis, Symbol.for('next-demo parts'), { ...parts, kit });
  const app = next({ dev: false, dir: fileURLToPath(new URL('..', import.meta.url)) });
  await app.prepare();
  const handle = app.getRequestHandler();
  return (request, response) => {
    if (!sendAsset(request, response)) void handle(request, response);
  };
}

/** The files of the page are the same in every demo. */
function sendAsset({ method, url = '/' }: IncomingMessage, response: ServerResponse): boolean {
  const file = method === 'GET' ? kit.asset(url) : undefined;
  if (file !== undefined) response.writeHead(file.status, file.headers).end(file.body);
  return file !== undefined;
}

kit.launch({ framework: 'Next', command: 'npm run demo:next', isBuilt: true, createListener });
