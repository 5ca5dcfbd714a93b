declare module 'koa-better-flash' {
  import type { Middleware } from 'koa';

  export default function flash(): Middleware;
}

declare module 'koa-bodyparser' {
  import type { Middleware } from 'koa';

  export default function bodyParser(): Middleware;
}
