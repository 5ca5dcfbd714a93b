/**
 * A class that may also be called: stores of express-session inherit as it was done before there were classes,
 * `util.inherits(FileStore, Store)` and `Store.call(this)`.
 *
 * @param initialize does to `this` what the constructor does
 */
export function callable<Class extends abstract new (...args: never[]) => object>(
  constructor: Class,
  initialize: (self: object) => void,
): Class {
  return new Proxy(constructor, {
    apply(_, self: object) {
      initialize(self);
    },
  });
}
