'use server';

import { refresh } from 'next/cache';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { demoParts } from '../lib/demo.ts';
import { withSession } from '../lib/session.ts';

// The forms of the page, which also work without JavaScript. What they do is in the demo kit (`demo.ts`).

export const login = withSession(async (session, form: FormData) => {
  const userAgent = (await headers()).get('user-agent') ?? undefined;
  await demoParts().demo.login(session, { body: { user: form.get('user') }, form: true, userAgent });
  redirect('/');
});

export const logout = withSession(async (session) => {
  await demoParts().demo.logout(session, { body: undefined, form: true });
  redirect('/');
});

export const logoutEverywhere = withSession(async (session) => {
  await demoParts().demo.logoutEverywhere(session, { body: undefined, form: true });
  redirect('/');
});

export const remember = withSession((session, form: FormData) => {
  const note = form.get('note');
  if (typeof note === 'string') session.note = note.slice(0, 80);
  refresh(); // the page is drawn anew, with what was just stored
});
