/** Environment variables, as the library reads them. An empty variable counts as unset. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The process's own environment: the one place of core that reads it, at call time. */
export function processEnvironment(): Environment {
  return process.env;
}

/** A variable's value; `undefined` when it is unset, empty or blank. */
export function variable(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

export function isProduction(env: Environment): boolean {
  return variable(env, 'NODE_ENV') === 'production';
}
