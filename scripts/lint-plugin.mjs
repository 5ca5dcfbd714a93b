// Rules of this repository that oxlint does not have. .oxlintrc.json says where each applies.
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Who may import whom: express | express-session | koa | next | fastify | hono | cli -> core <- redis | postgres | fs; store-tests -> core.
 * The tests of a package, and what they have in its `test` folder, may also import what `inTests` names. A package that is
 * not listed here fails the lint. Folders outside packages/ (adapter-tests, postgres-server, apps, e2e, bench) may import every package,
 * but not what packages share with each other alone: only the demo kit may, which parts the library from its store.
 */
const law = {
  core: { imports: [], inTests: [] },
  'store-tests': { imports: ['core'], inTests: [] },
  redis: { imports: ['core'], inTests: ['store-tests'] },
  postgres: { imports: ['core'], inTests: ['store-tests', 'postgres-server'] },
  fs: { imports: ['core'], inTests: ['store-tests'] },
  express: { imports: ['core'], inTests: ['adapter-tests'] },
  'express-session': { imports: ['core'], inTests: ['adapter-tests'] },
  koa: { imports: ['core'], inTests: ['adapter-tests'] },
  next: { imports: ['core'], inTests: [] },
  fastify: { imports: ['core'], inTests: ['adapter-tests'] },
  hono: { imports: ['core'], inTests: ['adapter-tests'] },
  cli: { imports: ['core'], inTests: [] },
};

/**
 * Which folder of a package's `src` may import which: what is not named here is an import upward. Files directly in `src`
 * are free, and {@link https://oxc.rs/docs/guide/usage/linter/rules/import/no-cycle import/no-cycle} keeps them from circles.
 */
const floors = {
  core: {
    cookie: [],
    response: [],
    session: ['cookie'],
    storage: ['cookie'],
    former: ['cookie'],
    exchange: ['cookie', 'former', 'response', 'session'],
    live: ['cookie', 'exchange', 'session'],
    web: ['exchange', 'response', 'session'],
    'debug-report': ['cookie', 'exchange', 'session', 'storage'],
    opentelemetry: ['storage'],
  },
  redis: {
    scripts: [],
    connection: ['scripts'],
    walk: ['connection'],
    verbs: ['connection', 'scripts'],
  },
  fs: {
    layout: [],
    disk: ['layout'],
    owners: ['disk', 'layout'],
    verbs: ['disk', 'layout', 'owners'],
    thread: ['disk', 'layout', 'verbs'],
    walk: ['disk', 'layout', 'owners', 'thread', 'verbs'],
  },
};

const demoKit = resolve(root, 'apps/demo-kit');

function ownerOf(filename) {
  const [first, second, third] = relative(root, filename).split(sep);
  const isPackage = first === 'packages';
  const isNested = isPackage || first === 'apps';
  return {
    folder: isNested ? resolve(root, first, second) : resolve(root, first),
    packageName: isPackage ? second : undefined,
    isTest: /\.test\.tsx?$/.test(filename) || (isPackage && third === 'test'),
  };
}

const manifests = new Map();
function runtimeDependenciesOf(folder) {
  if (!manifests.has(folder)) {
    const file = resolve(folder, 'package.json');
    const { dependencies, peerDependencies } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    manifests.set(folder, Object.keys({ ...dependencies, ...peerDependencies }));
  }
  return manifests.get(folder);
}

/** The entries of one of our packages: `.` and, for some, more. */
function exportsOf(name) {
  const file = resolve(root, 'packages', name.slice('@sess/'.length), 'package.json');
  return existsSync(file) ? Object.keys(JSON.parse(readFileSync(file, 'utf8')).exports ?? {}) : [];
}

/** Says what is wrong with an import, or nothing. */
function judge(specifier, filename) {
  const { folder, packageName, isTest } = ownerOf(filename);

  if (specifier.startsWith('.')) {
    const target = resolve(dirname(filename), specifier);
    const leaves = target !== folder && !target.startsWith(folder + sep);
    return leaves
      ? `'${specifier}' leaves its package: import it by the name of the package it belongs to.`
      : undefined;
  }
  if (isBuiltin(specifier)) return undefined;

  const parts = specifier.split('/');
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];

  if (name.startsWith('@sess/')) {
    if (name !== specifier && !exportsOf(name).includes(`.${specifier.slice(name.length)}`))
      return `'${specifier}' reaches into a package: import '${name}', or one of its exports.`;
    if (packageName === undefined) {
      return specifier.startsWith(`${name}/internal`) && folder !== demoKit
        ? `'${specifier}' is for packages: what apps need is in '${name}'.`
        : undefined;
    }
    if (law[packageName] === undefined)
      return `packages/${packageName} is not in the table of scripts/lint-plugin.mjs.`;
    const target = name.slice('@sess/'.length);
    const allowed = isTest
      ? [packageName, ...law[packageName].imports, ...law[packageName].inTests]
      : law[packageName].imports;
    if (allowed.includes(target)) return undefined;
    return `@sess/${packageName} may not import ${name}${isTest ? '' : ' outside its tests'}: express | express-session | koa | next | fastify | hono | cli -> core <- redis | postgres | fs; store-tests -> core.`;
  }

  if (packageName !== undefined && !isTest && !runtimeDependenciesOf(folder).includes(name)) {
    return `'${name}' is not in dependencies or peerDependencies of @sess/${packageName}: who installs the package would not have it.`;
  }
  return undefined;
}

const importLaw = {
  create(context) {
    const check = (source) => {
      if (typeof source?.value !== 'string') return;
      const message = judge(source.value, context.filename);
      if (message !== undefined) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      TSImportType: (node) => check(node.source),
      CallExpression(node) {
        if (node.callee.type === 'Identifier' && node.callee.name === 'require') check(node.arguments[0]);
      },
    };
  },
};

const folderLaw = {
  create(context) {
    const { packageName, folder, isTest } = ownerOf(context.filename);
    const law = floors[packageName];
    if (law === undefined || isTest) return {};
    const src = resolve(folder, 'src');
    const floorOf = (file) => relative(src, dirname(file)).split(sep)[0] ?? '';
    const from = floorOf(context.filename);
    if (!(from in law)) return {};
    const check = ({ source }) => {
      if (!source?.value.startsWith?.('.')) return;
      const to = floorOf(resolve(dirname(context.filename), source.value));
      if (to === from || !(to in law) || law[from].includes(to)) return;
      const below = law[from].length === 0 ? 'no other folder' : `only ${law[from].join(', ')}`;
      context.report({ node: source, message: `'${from}' imports upward: it may import ${below}, not '${to}'.` });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check };
  },
};

const noExportStar = {
  create: (context) => ({
    ExportAllDeclaration(node) {
      context.report({
        node,
        message: 'List the exports one by one: the public surface of a package is a file to read.',
      });
    },
  }),
};

const isMember = (node, object, property) =>
  node.object.type === 'Identifier' &&
  node.object.name === object &&
  (node.computed ? node.property.value === property : node.property.name === property);

const clockInOneFile = {
  create(context) {
    if (context.filename.endsWith(`${sep}clock.ts`)) return {};
    const message = 'Read the time from the injected clock: only clock.ts asks the system.';
    return {
      MemberExpression(node) {
        if (isMember(node, 'Date', 'now')) context.report({ node, message });
      },
      NewExpression(node) {
        const now = node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0;
        if (now) context.report({ node, message });
      },
    };
  },
};

const environmentInOneFile = {
  create(context) {
    if (context.filename.endsWith(`${sep}environment.ts`)) return {};
    const message = 'Take the environment as an argument: only environment.ts reads process.env.';
    return {
      MemberExpression(node) {
        if (isMember(node, 'process', 'env')) context.report({ node, message });
      },
      ImportSpecifier(node) {
        const fromProcess = ['process', 'node:process'].includes(node.parent.source.value);
        if (fromProcess && node.imported.name === 'env') context.report({ node, message });
      },
    };
  },
};

export default {
  meta: { name: 'sess' },
  rules: {
    'import-law': importLaw,
    'folder-law': folderLaw,
    'no-export-star': noExportStar,
    'clock-in-one-file': clockInOneFile,
    'environment-in-one-file': environmentInOneFile,
  },
};
