// npm run package-facts: writes what the root's package.json says of the project into each package that is published
// (homepage, repository and bugs), and into the errors, which link to their paragraph. Whoever publishes sets them once.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './processes.mjs';
import { publicPackages } from './public-packages.mjs';

/** The facts of one package; none where the root has none yet. */
export function factsOf({ homepage, repository, bugs }, folder) {
  return {
    ...(homepage && { homepage: `${homepage.replace(/\/$/, '')}/packages/${folder}` }),
    ...(bugs && { bugs }),
    ...(repository && { repository: { ...repository, directory: `packages/${folder}` } }),
  };
}

/** The manifest with the facts after its description and keywords, in the place of those that it had. */
export function withFacts(manifest, facts) {
  const { homepage: _homepage, repository: _repository, bugs: _bugs, ...rest } = manifest;
  const entries = Object.entries(rest).flatMap((entry) =>
    entry[0] === 'license' ? [...Object.entries(facts), entry] : [entry],
  );
  return Object.fromEntries(entries);
}

/** The source of the errors' links, with the address in it. */
export function withHelpAddress(source, homepage) {
  const written = homepage === undefined ? 'undefined' : `'${homepage.replace(/\/$/, '')}'`;
  return source.replace(/^(const helpAddress: string \| undefined = ).*;$/m, `$1${written};`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const project = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const { folder, manifest } of publicPackages()) {
    const facts = factsOf(project, basename(folder));
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(withFacts(manifest, facts), undefined, 2)}\n`);
  }
  const source = join(root, 'packages/core/src/help-address.ts');
  writeFileSync(source, withHelpAddress(readFileSync(source, 'utf8'), project.homepage));
}
