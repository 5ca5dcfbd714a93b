import { createNextSessions } from '@sess/next';

declare module '@sess/core' {
  interface SessionData {
    user?: string;
    views?: number;
    cart?: { item: string }[];
  }
}

export const { readSession, withSession, sessions } = createNextSessions();
