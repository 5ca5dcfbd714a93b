/** An answer that is not what was asked for, with a sentence that a person can read. */
export class Refusal extends Error {
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

// A connection that was on its way to a worker that dies may never be answered.
const answersWithinMs = 10_000;

/** Asks the server. Rejects with a `Refusal` for every answer that is not 2xx, and when there is none at all. */
export async function ask(method, path, body) {
  const init = { method, cache: 'no-store', signal: AbortSignal.timeout(answersWithinMs) };
  if (body !== undefined) {
    init.headers = { 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }

  let answer;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    const isLate = error.name === 'TimeoutError';
    const sentence = isLate ? 'The server took too long to answer.' : 'The server did not answer. Is it still running?';
    throw new Refusal(isLate ? 'LATE_ANSWER' : 'NO_ANSWER', sentence, 0);
  }

  const value = await answer.json().catch(() => null);
  if (answer.ok && value !== null) return value;
  throw new Refusal(value?.code ?? 'UNREADABLE', value?.error ?? 'The answer could not be read.', answer.status);
}
