/**
 * Where the documentation is published, without a slash at its end. `npm run package-facts` writes it from the root's
 * `package.json`, where a publisher sets it once.
 */
const helpAddress: string | undefined = undefined;

/** The address of the paragraph about an error. Unknown as long as the documentation is published nowhere. */
export function helpOn(code: string, address: string | undefined = helpAddress): string | undefined {
  return address === undefined ? undefined : `${address}/docs/errors.html#${code.toLowerCase()}`;
}
