import { afterAll, beforeAll, describe, it } from 'vitest';
import { startPair } from './checked-apps.ts';
import { codeOf as codeOnPage } from './page-code.ts';
import { RecipeFolder } from './recipe.ts';
import { type Protocol, byPath, rightly, visitRecipe } from './recipe-deeds.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { runtimes } from './runtimes.ts';

interface Recipe {
  readonly name: string;
  readonly page: string;
  /** What the page's other blocks do not have. */
  readonly mark?: string;
  readonly protocol: Protocol;
  /** What the page says of another way to do it. */
  readonly change?: (code: string) => string;
  /** What stands around it where it runs. */
  readonly after?: string;
  readonly runtime?: string;
}

const json = { 'content-type': 'application/json' };

const byTrpc: Protocol = (deed) => ({
  path: `/trpc/${deed}`,
  ...(deed === 'me' ? {} : { method: 'POST', headers: json, body: '' }),
  outcome: /"data":"?(\w+)/,
});
const byGraphql: Protocol = (deed) => ({
  path: '/graphql',
  method: 'POST',
  headers: json,
  body: JSON.stringify({ query: deed === 'me' ? '{ me }' : `mutation { ${deed} }` }),
  outcome: new RegExp(`"${deed}":"?(\\w+)`),
});

/** Stands for the gateway in front of a Lambda: makes events of requests, and answers of what the handler returns. */
const gateway = `
import { createServer } from 'node:http';

createServer(async ({ url, method, headers }, response) => {
  const event = {
    version: '2.0',
    rawPath: url,
    rawQueryString: '',
    headers,
    cookies: headers.cookie?.split('; '),
    requestContext: { http: { method, path: url, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1' } },
    isBase64Encoded: false,
  };
  const answer = await handler(event, {});
  response.writeHead(answer.statusCode, { ...answer.headers, ...(answer.cookies && { 'set-cookie': answer.cookies }) });
  response.end(Buffer.from(answer.body ?? '', answer.isBase64Encoded ? 'base64' : 'utf8'));
}).listen(process.env.PORT);
`;

/** The same app by the other package, as the page says. */
function byCodegenie(code: string): string {
  return code
    .replace(
      "import serverless from 'serverless-http'",
      "import serverlessExpress from '@codegenie/serverless-express'",
    )
    .replace('serverless(app)', 'serverlessExpress({ app })');
}

/** The recipes of one file. */
const recipes: readonly Recipe[] = [
  { name: 'h3', page: 'docs/frameworks/h3.md', protocol: byPath },
  { name: 'tRPC', page: 'docs/frameworks/trpc.md', protocol: byTrpc },
  { name: 'GraphQL Yoga', page: 'docs/frameworks/graphql-yoga.md', protocol: byGraphql },
  { name: 'AWS Lambda by serverless-http', page: 'docs/frameworks/aws-lambda.md', protocol: byPath, after: gateway },
  {
    name: 'AWS Lambda by @codegenie/serverless-express',
    page: 'docs/frameworks/aws-lambda.md',
    protocol: byPath,
    change: byCodegenie,
    after: gateway,
  },
  { name: 'Bun', page: 'docs/frameworks/bun-and-deno.md', mark: 'Bun.serve(', protocol: byPath, runtime: 'Bun' },
  { name: 'Deno', page: 'docs/frameworks/bun-and-deno.md', mark: 'Deno.serve(', protocol: byPath, runtime: 'Deno' },
];

const codeOf = ({ page, mark = '', change = String, after = '' }: Recipe): string =>
  change(codeOnPage(page, 'js', mark)) + after;

describe('the recipes of frameworks, in two processes', () => {
  let redis: RedisServer;
  let folder: RecipeFolder;
  beforeAll(async () => {
    redis = await startRedis();
    folder = new RecipeFolder('fixtures/checks/');
  });
  afterAll(async () => {
    await folder.dispose();
    await redis.dispose();
  });

  it.concurrent.for(recipes.map((recipe, index) => ({ recipe, index, name: recipe.name })))(
    '$name',
    { timeout: 60_000 },
    async ({ recipe, index }, { expect, onTestFinished }) => {
      const command = recipe.runtime === undefined ? undefined : runtimes.get(recipe.runtime);
      // Elsewhere than on Linux, on x64, there is no program to try it with.
      if (recipe.runtime !== undefined && command === undefined && process.platform !== 'linux') return;
      let count = 0;
      const pair = await startPair(redis, index, (env) =>
        folder.start(`app${index}-${(count += 1)}`, codeOf(recipe), env, command),
      );
      onTestFinished(pair.dispose);
      expect(await visitRecipe(pair, recipe.protocol)).toEqual(rightly);
    },
  );
});
