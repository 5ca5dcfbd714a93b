import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packAll } from './pack.mjs';
import { root } from './processes.mjs';
import { copyForRelease } from './release-copy.mjs';

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/** Whether the registry of the npm configuration has this version: it is only asked. */
function stateOf({ name, version }) {
  const view = spawnSync('npm', ['view', `${name}@${version}`, 'version', '--json'], { cwd: root, encoding: 'utf8' });
  if (view.status === 0) return view.stdout.trim() === '' ? 'new' : 'published';
  const code = /"code": "(\w+)"/.exec(view.stdout)?.[1];
  return code === 'E404' ? 'new' : `unknown: the registry did not answer (${code})`;
}

function print({ name, version, packedBytes, unpackedBytes, files, state }) {
  const note = state === 'new' ? '' : `, ${state === 'published' ? 'on the registry already' : state}`;
  console.log(`\n${name} ${version}${note}`);
  console.log(`  ${files.length} files, packed ${kilobytes(packedBytes)}, unpacked ${kilobytes(unpackedBytes)}`);
  for (const { path, bytes } of files) console.log(`  ${kilobytes(bytes).padStart(10)}  ${path}`);
}

/** Prints what would be published: name, version, files, sizes. Only asks the registry; the tree stays as it is. */
export async function rehearse({ changesets }) {
  const folder = mkdtempSync(join(tmpdir(), 'sess-release-'));
  try {
    const copy = join(folder, 'copy');
    await copyForRelease(copy);
    if (changesets.length > 0) {
      console.log(`With the version pull request of ${changesets.join(', ')} merged:`);
      const changeset = join(root, 'node_modules', '.bin', 'changeset');
      execFileSync(changeset, ['version'], { cwd: copy, stdio: ['ignore', 'ignore', 'inherit'] });
    }
    const packed = packAll(copy, join(folder, 'packed')).map((one) => ({ ...one, state: stateOf(one) }));
    for (const one of packed) print(one);
    const fresh = packed.filter(({ state }) => state !== 'published').length;
    console.log(`\n${fresh} of ${packed.length} packages would be published. Nothing was.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
