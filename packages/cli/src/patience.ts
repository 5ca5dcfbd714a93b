/** How long a call of the store may take, in milliseconds. */
const OPERATION_MS = 1_000;

/** When a call that begins now has to be over, for the store: by `performance.now()`. */
export function soon(): number {
  return performance.now() + OPERATION_MS;
}
