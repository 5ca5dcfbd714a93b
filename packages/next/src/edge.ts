/**
 * What a bundler finds for the Edge runtime. Without it the bundler would take what stands for browsers, whose sentence
 * says nothing of a runtime. Nothing of @sess/core is imported: it would fail before the sentence.
 */
export function createNextSessions(): never {
  throw new Error(
    '@sess/next was loaded in the Edge runtime of Next.js, which has neither files nor connections to keep sessions in. ' +
      "In a page, a layout or a Route Handler take out `export const runtime = 'edge'`. Name middleware.ts proxy.ts, " +
      'which Next.js runs in Node.js; or leave the session to the pages, handlers and actions that need it.',
  );
}

export { createNextSessions as createPagesSessions };
