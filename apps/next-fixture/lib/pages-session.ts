import { createPagesSessions } from '@sess/next/pages';

export const { withSession } = createPagesSessions();
