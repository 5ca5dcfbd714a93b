/**
 * What a bundler finds for the Edge runtime. Without it the bundler would take the file for browsers, whose error does
 * not mention the runtime. Nothing of @sess/core is imported: that import would fail before this error is thrown.
 */
export function createNextSessions(): never {
  throw new Error(
    '@sess/next was loaded in the Edge runtime of Next.js, which has neither files nor connections to keep sessions in. ' +
      "In a page, a layout or a Route Handler take out `export const runtime = 'edge'`. Name middleware.ts proxy.ts, " +
      'which Next.js runs in Node.js; or leave the session to the pages, handlers and actions that need it.',
  );
}

export { createNextSessions as createPagesSessions };
