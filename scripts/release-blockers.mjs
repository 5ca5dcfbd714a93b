/**
 * What has to be put right before anything is published.
 * @param {{ packages: { manifest: Record<string, any> }[], changesets: readonly string[],
 *   env: Readonly<Record<string, string | undefined>> }} state
 * @returns {string[]} a sentence each
 */
export function releaseBlockers({ packages, changesets, env }) {
  const blockers = [];
  if (changesets.length > 0) {
    blockers.push(
      `There are changesets that are in no version yet: ${changesets.join(', ')}. Merge the version pull request first.`,
    );
  }
  // Outside of CI npm gives no provenance, and asks for no repository.
  if (env.CI !== 'true') return blockers;

  const repositoryOf = ({ repository }) => (typeof repository === 'string' ? repository : repository?.url);
  const without = packages.filter(({ manifest }) => repositoryOf(manifest) === undefined);
  if (without.length > 0) {
    const names = without.map(({ manifest }) => manifest.name).join(', ');
    blockers.push(
      `No "repository" in the package.json of ${names}: npm refuses provenance without it. CONTRIBUTING.md, "Before the first release", says what to fill in.`,
    );
  }
  const { GITHUB_REPOSITORY: here } = env;
  const elsewhere = packages.filter(({ manifest }) => {
    const repository = repositoryOf(manifest);
    return here !== undefined && repository !== undefined && !repository.replace(/\.git$/, '').endsWith(`/${here}`);
  });
  if (elsewhere.length > 0) {
    const names = elsewhere.map(({ manifest }) => manifest.name).join(', ');
    blockers.push(
      `The "repository" in the package.json of ${names} is not ${here}, where this runs: npm would refuse it.`,
    );
  }
  return blockers;
}
