// A store as an app uses it: each call has its time, and a change is merged again until it meets no other one.

/** As core does it: the caller is told, whatever the store does. */
const boundedBy = (boundMs) => (call) =>
  new Promise((resolve, reject) => {
    const late = () => reject(Object.assign(new Error('The caller waits no longer.'), { code: 'STORE_TIMEOUT' }));
    const timer = setTimeout(late, boundMs);
    timer.unref();
    call(performance.now() + boundMs)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });

function asText(text) {
  return typeof text === 'string' ? text : Buffer.from(text).toString();
}

/** With long texts as strings, and one word for an end marker. */
function plain(found) {
  if (found === undefined) return undefined;
  if ('ended' in found) return 'ended';
  const fields = Object.entries(found.fields).map(([name, text]) => [name, asText(text)]);
  return { ...found, fields: Object.fromEntries(fields) };
}

function changed(record, { set, owner, touchedAt, expiresAt }) {
  return {
    ...record,
    ...(owner !== undefined && { owner }),
    fields: { ...record.fields, ...set },
    touchedAt: Math.max(record.touchedAt, touchedAt),
    expiresAt: Math.max(record.expiresAt, expiresAt),
  };
}

/** @param boundMs how long a caller waits: core's bound, where a test does not say otherwise */
export function appStore(store, boundMs = 1000) {
  const bounded = boundedBy(boundMs);
  return {
    ...store,
    create: async (key, record) => (await bounded((by) => store.create(key, record, by))) !== undefined,
    async read(key) {
      const found = await bounded((by) => store.read(key, by));
      return plain(found !== undefined && 'record' in found ? found.record : found);
    },
    async update(key, change) {
      let stored = await bounded((by) => store.read(key, by));
      for (;;) {
        if (stored === undefined || !('record' in stored)) return 'gone';
        const { record, version } = stored;
        const outcome = await bounded((by) => store.replace(key, version, changed(record, change), by));
        if (outcome.verdict !== 'conflict') return outcome.verdict;
        ({ stored } = outcome);
      }
    },
    /** Ends what it reads, unless that is not what stands any more. */
    async succeed(key, succession) {
      const stored = await bounded((by) => store.read(key, by));
      if (stored === undefined || !('record' in stored)) return { verdict: 'gone' };
      const { verdict } = await bounded((by) => store.replace(key, stored.version, succession, by));
      return { verdict, read: plain(stored.record) };
    },
    destroy: async (key, options = {}) => plain(await bounded((by) => store.destroy(key, options, by))),
    /** What `update` does besides reading. */
    stored: (key) => bounded((by) => store.read(key, by)),
    replace: (key, version, record) => bounded((by) => store.replace(key, version, record, by)),
  };
}
