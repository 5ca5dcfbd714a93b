'use server';

import { redirect } from 'next/navigation';
import { readSession, withSession } from '../../lib/session.ts';
import { sharedValue } from '../../lib/shared-values.ts';

function field(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

/** Inside `withSession`, after `readSession()`: the value is in the address that it redirects to. */
export const keepShared = withSession(async (_session, form: FormData) => {
  await readSession();
  const value = await sharedValue(field(form, 'way'), field(form, 'run'));
  redirect(`/static?${new URLSearchParams({ value })}`);
});
