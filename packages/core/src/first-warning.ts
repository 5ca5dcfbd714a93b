/**
 * Whether this process warns of something for the first time: one line in the log is enough.
 * On `globalThis`, since a process may hold several copies of this file.
 */
export function isFirstWarning(of: string): boolean {
  const symbol = Symbol.for(`@sess/core ${of} was warned of`);
  if (Reflect.get(globalThis, symbol) === true) return false;
  return Reflect.set(globalThis, symbol, true);
}
