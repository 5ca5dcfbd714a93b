import type { SessionExchange } from '../sessions.ts';

/** A property of a framework's request: what it reads of the exchange, and what an assignment to it does. */
export interface ExposedProperty {
  get(exchange: SessionExchange): unknown;
  set?(exchange: SessionExchange, value: unknown): void;
}

/** Where a request keeps its exchange. */
const exposed: unique symbol = Symbol.for('@sess/core session exchange');

interface Exposed {
  readonly [exposed]: SessionExchange;
}

/**
 * How an adapter shows an exchange on its framework's requests: by the same accessors on all of them. With closures of
 * its own each request would have a shape of its own, and all that is done to it from there on would be slow.
 *
 * @returns what is done for each request
 */
export function exposing(
  properties: Readonly<Record<string, ExposedProperty>>,
): (request: object, exchange: SessionExchange) => void {
  const accessors: PropertyDescriptorMap = {};
  for (const [name, { get, set }] of Object.entries(properties)) accessors[name] = accessor(get, set);
  return (request, exchange) => {
    // Not listed: whoever prints a request does not want to see the inside of its session.
    Object.defineProperty(request, exposed, { value: exchange, configurable: true });
    Object.defineProperties(request, accessors);
  };
}

function accessor(get: ExposedProperty['get'], set: ExposedProperty['set']): PropertyDescriptor {
  const descriptor: PropertyDescriptor & ThisType<Exposed> = {
    get() {
      return get(this[exposed]);
    },
    configurable: true,
    enumerable: true,
  };
  if (set !== undefined)
    descriptor.set = function assign(this: Exposed, value: unknown) {
      set(this[exposed], value);
    };
  return descriptor;
}
