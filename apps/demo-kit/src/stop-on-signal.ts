/** The first signal asks to stop. A second one of an impatient person is obeyed at once. */
export function stopOnSignal(stop: () => void): void {
  let asked = false;
  const onSignal = (): void => {
    if (asked) return;
    asked = true;
    stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
