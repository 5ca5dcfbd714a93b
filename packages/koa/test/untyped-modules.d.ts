declare module 'koa-better-flash' {
  import type { Middleware } from 'koa';

  export default function flash(): Middleware;
}

declare module 'koa-bodyparser' {
  import type { Middleware } from 'koa';

  export default function bodyParser(): Middleware;
}

/** Without @types/koa-websocket, which gives every context of Koa's a `websocket`. */
declare module 'koa-websocket' {
  import type Koa from 'koa';
  import type { WebSocket } from 'ws';

  type SocketContext = Koa.ExtendableContext & { websocket: WebSocket };
  type SocketMiddleware = (ctx: SocketContext, next: Koa.Next) => unknown;

  export default function websockify(app: Koa): Koa & { ws: { use(middleware: SocketMiddleware): void } };
}
