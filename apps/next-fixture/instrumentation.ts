/** At the start of the server: a storage that cannot be used is told at once, and ends nothing here. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME === 'nodejs') {
    const { sessions } = await import('./lib/session.ts');
    await sessions.ready().catch(() => {});
  }
}
