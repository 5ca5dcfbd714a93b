import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';

/** The parts of a published package.json that are looked at. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly main?: unknown;
  readonly types?: unknown;
  readonly typesVersions?: unknown;
  readonly exports?: unknown;
  readonly bin?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** All files below a folder, by their paths in it. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

const wanted =
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/[\w./-]+\.(js|d\.ts)|dist\/commonjs\/package\.json)$/;
const unwanted = /\.test\.|(^|\/)(test|tests|testing|fixtures|__tests__)\//;

/** The strings at the ends of a tree: the files that `exports` and its like name. */
function leaves(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [];
}

/** What a compiled module imports: statically, at run time by a literal, in types. */
function importsOf(code: string): string[] {
  const bare = code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const imports = bare.matchAll(/\b(?:from|import|require)\s*\(?\s*(['"])([^'"\n]+)\1/g);
  return [...imports].map(([, , specifier = '']) => specifier);
}

/** What is wrong with a package that was downloaded and unpacked. */
export function problemsIn(folder: string): string[] {
  const manifest = manifestOf(folder);
  const files = filesOf(folder);
  const strangers = files.filter((file) => !wanted.test(file) || unwanted.test(file));
  const { main, types, typesVersions, exports, bin } = manifest;
  const named = new Set(leaves({ main, types, typesVersions, exports, bin }));
  const missing = [...named].filter((path) => !existsSync(join(folder, path)));
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies });
  const foreign = ranges.filter(([name, range]) =>
    name.startsWith('@sess/') ? range !== `^${manifest.version}` : !/^[\^~>=<\d]/.test(range),
  );
  return [
    ...['README.md', 'LICENSE', 'CHANGELOG.md'].flatMap((file) =>
      files.includes(file) ? [] : [`There is no ${file}.`],
    ),
    ...strangers.map((file) => `${file} should not be shipped.`),
    ...missing.map((path) => `${path} is named in package.json and not shipped.`),
    ...foreign.map(([name, range]) => `${name} is wanted as ${range}.`),
    ...files
      .filter((file) => /^dist\/.*\.(js|ts)$/.test(file))
      .flatMap((file) => problemsOfModule(folder, file, manifest)),
  ];
}

function problemsOfModule(folder: string, file: string, manifest: Manifest): string[] {
  const code = readFileSync(join(folder, file), 'utf8');
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  return [
    ...(/sourceMappingURL=/.test(code) ? [`${file} names a source map.`] : []),
    ...importsOf(code).flatMap((specifier) => {
      if (isBuiltin(specifier)) return [];
      if (specifier.startsWith('.')) {
        // In declarations `./x.ts` is found as `./x.d.ts`.
        const target = file.endsWith('.d.ts') ? specifier.replace(/\.[jt]s$/, '.d.ts') : specifier;
        return existsSync(join(folder, dirname(file), target)) ? [] : [`${file} imports ${specifier}: not shipped.`];
      }
      const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
      return name === manifest.name || declared.includes(name) ? [] : [`${file} imports ${name}: not declared.`];
    }),
  ];
}
