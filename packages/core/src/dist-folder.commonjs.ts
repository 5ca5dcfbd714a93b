import { dirname } from 'node:path';

/** The folder of the built package: the CommonJS form is in a folder of its own below it. */
export const distFolder: string = dirname(__dirname);
