import { expect, it } from 'vitest';
import { newKey } from '../test/session-fixtures.ts';
import { WriteTokens } from './write-tokens.ts';

const serverMs = 1_767_225_600_000;
/** The server's clock: it shows `serverMs` when ours is at 0. */
const serverNow = () => Math.floor(serverMs + performance.now());

/** A connection that was never lost. */
const sound = { lostAt: -Infinity };

function knowing(): WriteTokens {
  const tokens = new WriteTokens(900, sound);
  tokens.learn(serverNow(), performance.now());
  return tokens;
}

it('a write is wanted for as long as its caller waits, by the clock of the server', () => {
  const tokens = knowing();
  const write = tokens.begin(newKey());
  expect(Math.abs(tokens.latest(write) - (serverMs + write.begunAt + 900))).toBeLessThan(5);
});

it('an answer that is read long after it came does not change what is known of that clock', () => {
  const tokens = knowing();
  const write = tokens.begin(newKey());
  const latest = tokens.latest(write);
  tokens.learn(serverNow() - 800, performance.now() - 850);
  expect(tokens.latest(write)).toBe(latest);
});

it('a clock that was set, forward or back, is known with the next answer', () => {
  for (const jumpMs of [5000, -5000, 3_600_000, -3_600_000]) {
    const tokens = knowing();
    const write = tokens.begin(newKey());
    const latest = tokens.latest(write);
    tokens.learn(serverNow() + jumpMs, performance.now() - 1);
    expect(Math.abs(tokens.latest(write) - latest - jumpMs)).toBeLessThan(5);
  }
});

it('what came too late is wanted for a quarter of a second more at most, and never less long than before', () => {
  const tokens = knowing();
  const write = tokens.begin(newKey());
  const latest = tokens.latest(write);
  tokens.postpone(write);
  expect(tokens.latest(write)).toBe(latest);
  for (const overAt = write.begunAt + 800; performance.now() < overAt;);
  tokens.postpone(write);
  expect(tokens.latest(write) - serverNow()).toBeGreaterThan(240);
  expect(tokens.latest(write) - serverNow()).toBeLessThanOrEqual(252);
});

it('a write says how old it is only if the server may have it already', () => {
  const tokens = knowing();
  const write = tokens.begin(newKey());
  expect(tokens.sent(write, 1000)).toBe(0);
  expect(tokens.sent(write, 1200)).toBe(201);
  tokens.answered(write);
  tokens.answered(write);
  expect(tokens.sent(write, 1300)).toBe(0);
});

it('a write is not alone while another of its session is under way, or may still arrive', () => {
  const tokens = knowing();
  const key = newKey();
  const [first, second] = [tokens.begin(key), tokens.begin(key)];
  expect([first.isAlone, second.isAlone, tokens.begin(newKey()).isAlone]).toEqual([true, false, true]);
  tokens.end(first);
  tokens.end(second);
  const lost = tokens.begin(key);
  expect(lost.isAlone).toBe(true);
  tokens.sent(lost, performance.now());
  tokens.end(lost);
  expect(tokens.begin(key).isAlone).toBe(false);
});

it('nor for a while after a connection was lost whose commands may have been sent again without our doing', () => {
  const connection = { lostAt: performance.now() };
  const tokens = new WriteTokens(900, connection);
  expect(tokens.begin(newKey()).isAlone).toBe(false);
  connection.lostAt = performance.now() - 900 - 249;
  expect(tokens.begin(newKey()).isAlone).toBe(false);
  connection.lostAt = performance.now() - 900 - 250;
  expect(tokens.begin(newKey()).isAlone).toBe(true);
});

it('a token is not used again when the counter is at its end', () => {
  const tokens = new WriteTokens(900, sound, 36 ** 5 - 3);
  const four = Array.from({ length: 4 }, () => tokens.begin(newKey()).token);
  expect(four.map((token) => token.length)).toEqual([11, 11, 11, 11]);
  expect(four.map((token) => token.slice(6))).toEqual(['zzzzy', 'zzzzz', '00000', '00001']);
  const [first, second, third, fourth] = four.map((token) => token.slice(0, 6));
  expect(second).toBe(first);
  expect(third).not.toBe(first);
  expect(fourth).toBe(third);
});
