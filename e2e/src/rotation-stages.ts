import { readFileSync } from 'node:fs';

const secrets = {
  old: 'o1d-Xk3vRz8qLw5mPt2nYc7hJb4gFd9s',
  new: 'n3w-Qe6uWi1oAp4sDf7gHj0kLz5xCv8b',
};

/** What a worker is started with: the secret that signs, and one that is accepted beside it. */
export type RotationStage = readonly [first: string, fallback?: string];

/** The deploys of a rotation as docs/configuration.md has them: what each sets, in its order. */
const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const steps = /^\d\. .*`SECRET_KEY=<(old|new)>`, `SECRET_KEY_FALLBACKS=<(old|new)>`/gm;
const secretOf = (name: string | undefined): string => secrets[name === 'old' ? 'old' : 'new'];
export const deploys: readonly RotationStage[] = [...page.matchAll(steps)].map(([, first, fallback]) => [
  secretOf(first),
  secretOf(fallback),
]);

/** Before the first deploy, the deploys, and long after the last. */
export const stages: readonly RotationStage[] = [[secrets.old], ...deploys, [secrets.new]];

/** What somebody in a hurry does. */
export const oneStep: readonly [before: RotationStage, after: RotationStage] = [
  [secrets.old],
  [secrets.new, secrets.old],
];

export function environmentOf([first, fallback]: RotationStage): Record<string, string> {
  return { SECRET_KEY: first, ...(fallback === undefined ? {} : { SECRET_KEY_FALLBACKS: fallback }) };
}
