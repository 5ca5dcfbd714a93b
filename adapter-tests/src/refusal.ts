/** Code and text of the error that this throws, or `none`. */
export function refusalOf(act: () => unknown): unknown {
  try {
    act();
    return 'none';
  } catch (error) {
    return [Reflect.get(error as object, 'code'), String(error)];
  }
}
