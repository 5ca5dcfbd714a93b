import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the built package. `dist-folder.commonjs.ts` says the same where there is no `import.meta`. */
export const distFolder: string = dirname(fileURLToPath(import.meta.url));
