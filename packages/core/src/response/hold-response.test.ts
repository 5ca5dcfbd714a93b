import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';

import { expect, it } from 'vitest';

import { holdResponse } from './hold-response.ts';

/** V8's own answer to where it keeps a value. */
function isYoung(value: unknown): unknown {
  setFlagsFromString('--allow-natives-syntax');
  try {
    // Called before the flag goes: a function is compiled when it is first called.
    const ask: unknown = runInThisContext('(value) => %InYoungGeneration(value)');
    return typeof ask === 'function' ? ask(value) : undefined;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

it.each(['writeHead', 'flushHeaders', 'write', 'end', 'cork', 'uncork'] as const)(
  '%s of a held response is young: what is old at birth keeps its request until the next full collection',
  (method) => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const before = response[method];
    holdResponse(response, {
      commit: () => ({ vary: false, fault: false }),
      commitLate() {},
      seal() {},
      abandon() {},
    });
    expect(response[method]).not.toBe(before);
    expect(isYoung(response[method])).toBe(true);
    // The question can be answered with no: a method that all responses share has long grown old.
    expect(isYoung(Object.prototype.toString)).toBe(false);
  },
);
