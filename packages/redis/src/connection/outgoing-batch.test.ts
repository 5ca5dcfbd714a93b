import { Writable } from 'node:stream';
import { expect, it } from 'vitest';

import { OutgoingBatch } from './outgoing-batch.ts';

/** A connection that notes what each write to the system holds. */
class Connection extends Writable {
  readonly writes: string[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.writes.push(chunk.toString());
    done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.writes.push(chunks.map(({ chunk }) => chunk.toString()).join(''));
    done();
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it('what is written in one turn of the event loop leaves together, in its order', async () => {
  const connection = new Connection();
  const batch = new OutgoingBatch();
  for (const command of ['a', 'b', 'c']) {
    batch.gather(connection);
    connection.write(command);
    // Requests that are read in one turn each have their own microtasks.
    await Promise.resolve();
  }
  expect(connection.writes).toEqual([]);
  await turn();
  expect(connection.writes).toEqual(['abc']);
});

it('each turn has a batch of its own, and what nobody gathers leaves at once', async () => {
  const connection = new Connection();
  const batch = new OutgoingBatch();
  for (const command of ['a', 'b']) {
    batch.gather(connection);
    connection.write(command);
    await turn();
  }
  connection.write('c');
  expect(connection.writes).toEqual(['a', 'b', 'c']);
});

it('a connection that took the place of another within the turn does not wait for it, nor does the other stay corked', async () => {
  const [lost, found] = [new Connection(), new Connection()];
  const batch = new OutgoingBatch();
  batch.gather(lost);
  batch.gather(found);
  lost.write('a');
  found.write('b');
  await turn();
  batch.gather(found);
  found.write('c');
  await turn();
  expect(lost.writes).toEqual(['a']);
  expect(found.writes).toEqual(['b', 'c']);
  expect([lost.writableCorked, found.writableCorked]).toEqual([0, 0]);
});

it('a connection that is ended or destroyed meanwhile is left at that', async () => {
  const [ended, destroyed] = [new Connection(), new Connection()];
  const batch = new OutgoingBatch();
  batch.gather(ended);
  ended.write('a');
  ended.end();
  batch.gather(destroyed);
  destroyed.write('b');
  destroyed.destroy();
  await turn();
  expect(ended.writes).toEqual(['a']);
  expect(destroyed.writes).toEqual([]);
});
