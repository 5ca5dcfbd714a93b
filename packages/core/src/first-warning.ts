/**
 * Whether this is the first time in this process that it is warned of something: such a warning is a line and no more.
 * On `globalThis`, since a process may hold several copies of this file.
 */
export function isFirstWarning(of: string): boolean {
  const symbol = Symbol.for(`@sess/core ${of} was warned of`);
  if (Reflect.get(globalThis, symbol) === true) return false;
  return Reflect.set(globalThis, symbol, true);
}
