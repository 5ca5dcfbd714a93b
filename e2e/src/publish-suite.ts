import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { manifestOf, problemsIn } from './publish-contents.ts';
import { publicNames } from './public-names.ts';
import type { Registry } from './publish-registry.ts';
import { type Release, quietEnvironment, runProgram } from './publish-release.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Published {
  readonly 'dist-tags': Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, { readonly dist: { readonly tarball: string } }>>;
}

async function askRegistry(registry: Registry, name: string): Promise<Published> {
  const answer = await fetch(`${registry.url}/${name.replace('/', '%2f')}`);
  return (await answer.json()) as Published;
}

const puts = (registry: Registry): number => registry.requests().filter((line) => line.startsWith('PUT /@')).length;

export interface Released {
  readonly registry: Registry;
  readonly release: Release;
  /** The version that all packages got first. */
  readonly version: string;
}

/** What a release does, after a first one. */
export function describePublishing(released: () => Released): void {
  it('all public packages are there, in one version, which is the latest', async () => {
    const { registry, version } = released();
    expect(publicNames.length).toBeGreaterThan(4);
    for (const name of publicNames)
      expect((await askRegistry(registry, name))['dist-tags']).toEqual({ latest: version });
  });

  it('`npm run release -- --dry-run` shows names, versions, files and sizes, and writes nothing anywhere', async () => {
    const { registry, version } = released();
    const before = { puts: puts(registry), tree: treeState() };
    const home = mkdtempSync(join(tmpdir(), 'sess-dry-run-'));
    const env = { ...quietEnvironment(home), npm_config_userconfig: registry.userConfig };
    const { ok, output } = await runProgram('npm', ['run', 'release', '--', '--dry-run'], { cwd: root, env });
    rmSync(home, { recursive: true });
    expect({ ok, output }).toMatchObject({ ok: true });
    for (const name of publicNames) expect(output).toContain(`\n${name} ${version}, on the registry already\n`);
    expect(output).toContain(`\n0 of ${publicNames.length} packages would be published. Nothing was.\n`);
    expect(output.match(/^ +[\d.]+ kB {2}dist\/index\.js$/gm)?.length).toBeGreaterThan(4);
    expect(output).toMatch(/\d+ files, packed [\d.]+ kB, unpacked [\d.]+ kB/);
    expect({ puts: puts(registry), tree: treeState() }).toEqual(before);
  });

  it('what is published already is not published again', async () => {
    const { registry, release } = released();
    const before = puts(registry);
    expect(await release.publish(registry.publisherConfig)).toMatchObject({
      ok: true,
      output: expect.stringContaining('No unpublished projects to publish'),
    });
    expect(puts(registry)).toBe(before);
  });

  it('a change of one package is a new version of all, with a changelog', async () => {
    const { registry, release, version } = released();
    release.describeChange('Counts the stars.', { '@sess/fs': 'patch' });
    expect(await release.version()).toMatchObject({ ok: true });
    const [next = ''] = release.packages().map((one) => one.version);
    expect(next).not.toBe(version);
    expect(new Set(release.packages().map((one) => one.version))).toEqual(new Set([next]));
    const changelog = readFileSync(join(release.folder, 'packages/fs/CHANGELOG.md'), 'utf8');
    expect(changelog).toMatch(new RegExp(`^## ${next}\n\n### Patch Changes\n\n- .*Counts the stars\\.$`, 'm'));
    expect(changelog).toContain(`\n## ${version}\n`);

    // Under the name that the workflow gives it, provenance is really asked for: outside of CI that is an error.
    const workflow = readFileSync(join(root, '.github/workflows/release.yml'), 'utf8');
    const provenance = /^ +(\w+PROVENANCE): 'true'$/m.exec(workflow)?.[1] ?? '';
    const refused = await release.publish(registry.publisherConfig, { [provenance]: 'true' });
    expect(refused).toMatchObject({ ok: false, output: expect.stringContaining('PROVENANCE_UNSUPPORTED_PROVIDER') });

    expect(await release.publish(registry.publisherConfig)).toMatchObject({ ok: true });
    for (const name of publicNames)
      expect(await askRegistry(registry, name)).toMatchObject({
        'dist-tags': { latest: next },
        versions: { [version]: expect.anything(), [next]: expect.anything() },
      });
  });
}

/** What a release must leave alone here. */
function treeState(): Record<string, string> {
  const files = readdirSync(join(root, 'packages'))
    .flatMap((name) => ['package.json', 'CHANGELOG.md'].map((file) => join(root, 'packages', name, file)))
    .filter((file) => existsSync(file));
  const changesets = readdirSync(join(root, '.changeset')).join();
  return { changesets, ...Object.fromEntries(files.map((file) => [file, readFileSync(file, 'utf8')])) };
}

/** What is in the packages that people download. */
export function describeContents(released: () => Released): void {
  let directory: string;
  const unpacked = (name: string): string => join(directory, name, 'package');

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sess-unpacked-'));
    for (const name of publicNames) {
      const { versions } = await askRegistry(released().registry, name);
      const tarball = await fetch(versions[released().version]?.dist.tarball ?? '');
      mkdirSync(join(directory, name), { recursive: true });
      const file = join(directory, name, 'package.tgz');
      writeFileSync(file, Buffer.from(await tarball.arrayBuffer()));
      execFileSync('tar', ['-xzf', file, '-C', join(directory, name)]);
    }
  }, 120_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }), 60_000);

  it.each(publicNames)('%s holds what it declares, imports what it declares, and nothing else', (name) => {
    expect(manifestOf(unpacked(name)).name).toBe(name);
    expect(problemsIn(unpacked(name))).toEqual([]);
  });

  it('a file too many, one too few, and a dependency that is not declared would be found', () => {
    const folder = join(directory, 'mistaken');
    cpSync(unpacked('@sess/core'), folder, { recursive: true });
    writeFileSync(join(folder, 'dist/a.test.js'), '');
    writeFileSync(
      join(folder, 'dist/b.js'),
      "import 'left-pad';\nawait import('./gone.js');\n//# sourceMappingURL=b.js.map",
    );
    rmSync(join(folder, 'dist/index.d.ts'));
    rmSync(join(folder, 'LICENSE'));
    expect(problemsIn(folder)).toEqual([
      'There is no LICENSE.',
      'dist/a.test.js should not be shipped.',
      './dist/index.d.ts is named in package.json and not shipped.',
      'dist/b.js names a source map.',
      'dist/b.js imports left-pad: not declared.',
      'dist/b.js imports ./gone.js: not shipped.',
    ]);
  });
}
