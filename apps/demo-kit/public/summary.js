/** After this many answers in a row that all agree, we believe that the session has ended. */
const enoughToBelieve = 8;

const count = (looks, kind) => looks.filter((one) => one.kind === kind).length;

/** What many looks add up to, in a sentence. */
export function summary(looks) {
  const answered = looks.length - count(looks, 'failed');
  const failure = looks.find((one) => one.kind === 'failed');
  const failures = failure === undefined ? '' : `${count(looks, 'failed')} failed: ${failure.error.message}`;
  if (answered === 0) return failures;

  const workers = new Set(looks.flatMap(({ me }) => (me === undefined ? [] : [me.worker]))).size;
  const by = `${answered} answers from ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  const verdict =
    count(looks, 'nobody') === answered
      ? 'nobody is logged in.'
      : count(looks, 'knew') === answered
        ? 'every one knew you.'
        : `${count(looks, 'knew')} knew you, ${count(looks, 'stranger')} did not.`;
  return `${by}: ${verdict} ${failures}`.trim();
}

export function hasEnded(looks) {
  return looks.length >= enoughToBelieve && count(looks, 'stranger') === looks.length;
}

export function isTrouble(looks) {
  return looks.some(({ kind }) => kind === 'stranger' || kind === 'failed');
}
