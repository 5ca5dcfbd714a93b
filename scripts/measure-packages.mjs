// npm run measure:packages: what users download and load for sessions, beside what they would with other libraries.
// Ours are packed from this tree as a release would; the others come from the registry that npm is set to.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { packAll } from './pack.mjs';
import { root } from './processes.mjs';
import { copyForRelease } from './release-copy.mjs';

/** The framework is not counted: an app has it already. */
const sets = [
  { install: ['@sess/core', '@sess/express', '@sess/redis'], load: ['@sess/express', '@sess/redis'] },
  { install: ['@sess/core', '@sess/express', '@sess/fs'], load: ['@sess/express', '@sess/fs'] },
  { install: ['@sess/core', '@sess/koa', '@sess/redis'], load: ['@sess/koa', '@sess/redis'] },
  {
    install: ['express-session@1.19.0', 'connect-redis@9.0.0', 'redis@6.3.1'],
    load: ['express-session', 'connect-redis', 'redis'],
  },
  { install: ['koa-session@7.0.2', 'ioredis@6.0.0'], load: ['koa-session', 'ioredis'] },
];

const processes = 25;

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const bytesOf = (files) => files.reduce((sum, file) => sum + statSync(file).size, 0);

const isFetched = (key) => key.startsWith('make-fetch-happen:request-cache:') && key.endsWith('.tgz');

/** What npm fetched into an empty cache: the sizes of the archives. */
function fetchedBytes(cache) {
  const index = join(cache, '_cacache', 'index-v5');
  const entries = (existsSync(index) ? filesBelow(index) : []).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line.slice(line.indexOf('\t') + 1))),
  );
  const archives = new Map(entries.filter(({ key }) => isFetched(key)).map(({ key, size }) => [key, size]));
  return [...archives.values()].reduce((sum, size) => sum + size, 0);
}

function median(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Milliseconds from before the first import to after the last, in a process of its own. */
function importMs(folder) {
  return Number(execFileSync(process.execPath, ['load.mjs'], { cwd: folder, encoding: 'utf8' }));
}

function writeLoader(folder, names) {
  const imports = names.map((name) => `await import('${name}');`);
  const program = [
    'const start = performance.now();',
    ...imports,
    'console.log(performance.now() - start);',
    'process.exit();',
  ];
  writeFileSync(join(folder, 'load.mjs'), program.join('\n'));
}

function measure({ install, load }, packed, folder) {
  const modules = join(folder, 'node_modules');
  const cache = join(folder, 'cache');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  const ours = packed.filter(({ name }) => install.includes(name));
  const wanted = install.map((name) => ours.find((one) => one.name === name)?.tarball ?? name);
  const flags = ['--legacy-peer-deps', '--no-audit', '--no-fund', '--ignore-scripts', '--silent', '--cache', cache];
  execFileSync('npm', ['install', ...flags, ...wanted], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const files = filesBelow(modules).filter((file) => relative(modules, file) !== '.package-lock.json');
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  writeLoader(folder, load);
  return {
    name: install.join(' + '),
    packages: Object.keys(lock.packages).filter((path) => path !== '').length,
    packedBytes: fetchedBytes(cache) + ours.reduce((sum, one) => sum + one.packedBytes, 0),
    unpackedBytes: bytesOf(files),
    files: files.length,
    folder,
  };
}

const kilobytes = (bytes) => `${Math.round(bytes / 1000).toLocaleString('en')} kB`;
const row = (cells) => `| ${cells.join(' | ')} |`;

const directory = mkdtempSync(join(tmpdir(), 'sess-measure-'));
try {
  const copy = join(directory, 'copy');
  await copyForRelease(copy);
  execFileSync(join(root, 'node_modules/.bin/changeset'), ['version'], { cwd: copy, stdio: 'ignore' });
  const packed = packAll(copy, join(directory, 'packed'));

  console.log(row(['package', 'packed', 'unpacked', 'files', 'dependencies']));
  console.log(row(['---', '--:', '--:', '--:', '---']));
  for (const { name, packedBytes, unpackedBytes, files } of packed) {
    const manifest = JSON.parse(readFileSync(join(copy, name.replace('@sess/', 'packages/'), 'package.json'), 'utf8'));
    const dependencies = Object.keys(manifest.dependencies ?? {}).join(', ');
    console.log(row([name, kilobytes(packedBytes), kilobytes(unpackedBytes), files.length, dependencies]));
  }

  console.log(`\n${row(['set, without the framework', 'packages', 'packed', 'unpacked', 'files', 'import'])}`);
  console.log(row(['---', '--:', '--:', '--:', '--:', '--:']));
  const measured = sets.map((set, index) => measure(set, packed, join(directory, `${index}`)));
  // In turns, so that whatever else the machine does meets them all; the first turn warms the caches of files.
  const turns = Array.from({ length: processes + 1 }, () => measured.map(({ folder }) => importMs(folder))).slice(1);
  for (const [index, { name, packages, packedBytes, unpackedBytes, files }] of measured.entries()) {
    const ms = median(turns.map((turn) => turn[index])).toFixed(0);
    console.log(row([name, packages, kilobytes(packedBytes), kilobytes(unpackedBytes), files, `${ms} ms`]));
  }
  console.log(`\nImport: the median of ${processes} processes, Node.js ${process.version}.`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
