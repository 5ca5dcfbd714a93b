'use server';

import { refresh } from 'next/cache';
import { notFound, redirect } from 'next/navigation';
import { withSession } from '../../lib/session.ts';

export const count = withSession(async (session) => {
  await session.update('views', (views = 0) => views + 1);
  refresh();
});

export const login = withSession(async (session, form: FormData) => {
  const fresh = await session.regenerate({ owner: 'ada' });
  const user = form.get('user');
  fresh.user = typeof user === 'string' ? user : 'nobody';
});

export const loginAndLeave = withSession(async (_session, form: FormData) => {
  await login(form);
  redirect('/');
});

export const logout = withSession(async (session) => session.destroy());

export const missing = withSession((session) => {
  session.user = 'missing';
  notFound();
});

export const fails = withSession((session) => {
  session.user = 'never';
  throw new Error('a mistake of the app');
});

export const saves = withSession(async (session) => {
  const fresh = await session.regenerate({ owner: 'ada' });
  fresh.user = 'saved';
  await fresh.save();
  throw new Error('a mistake of the app, after a login');
});
