import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { packageManager } from './processes.mjs';

/**
 * Packs every public package of a copy as publishing does: `workspace:` ranges become versions.
 * @returns {{ name: string, version: string, tarball: string, packedBytes: number, unpackedBytes: number,
 *   files: { path: string, bytes: number }[] }[]}
 */
export function packAll(copy, destination) {
  mkdirSync(destination, { recursive: true });
  const pnpm = ['--prefer-offline', '--yes', packageManager, '--recursive', '--filter', './packages/*'];
  const pack = ['pack', '--json', '--pack-destination', destination];
  const output = execFileSync('npx', [...pnpm, ...pack], { cwd: copy, stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(output.toString()).map(({ name, version, filename: tarball }) => {
    const bytes = readFileSync(tarball);
    const files = filesIn(gunzipSync(bytes));
    const unpackedBytes = files.reduce((sum, file) => sum + file.bytes, 0);
    return { name, version, tarball, packedBytes: bytes.length, unpackedBytes, files };
  });
}

const textAt = (tar, start, length) => tar.toString('utf8', start, start + length).replace(/\0.*$/s, '');

/** What a tar archive holds: blocks of 512 bytes, a header before each file. */
function filesIn(tar) {
  const files = [];
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const path = [textAt(tar, at + 345, 155), textAt(tar, at, 100)].filter((part) => part !== '').join('/');
    const bytes = Number.parseInt(textAt(tar, at + 124, 12), 8);
    const isFile = ['0', ''].includes(textAt(tar, at + 156, 1));
    if (isFile) files.push({ path: path.replace(/^package\//, ''), bytes });
    at += 512 + Math.ceil(bytes / 512) * 512;
  }
  return files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
}
