// Makes the pages of the API reference from the comments of the sources: `npm run docs:api`. They are no part of the
// repository; the site is built with them.
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, Converter, PageEvent, ReflectionKind } from 'typedoc';

const root = fileURLToPath(new URL('../', import.meta.url));
const output = fileURLToPath(new URL('generated/api/', import.meta.url));

const dropIn = '@sess/express-session';

/** Each name that can be imported, and the source behind it. What packages share among themselves is not for users. */
export function entryPoints() {
  return readdirSync(join(root, 'packages')).flatMap((folder) => {
    const manifest = join(root, 'packages', folder, 'package.json');
    if (!existsSync(manifest)) return [];
    const { name, exports } = JSON.parse(readFileSync(manifest, 'utf8'));
    return Object.entries(exports)
      .filter(([path]) => !path.startsWith('./internal') && path !== './package.json')
      .map(([path, conditions]) => ({
        name: path === '.' ? name : `${name}/${path.slice(2)}`,
        source: name === dropIn ? 'site/drop-in.ts' : join('packages', folder, 'src', sourceOf(path, conditions)),
      }));
  });
}

/** The source that a path of `exports` was built from, as an ES module and for a server. */
function sourceOf(path, conditions) {
  const built = /"\.\/dist\/(?!commonjs\/|browser|edge)([\w/-]+)\.js"/.exec(JSON.stringify(conditions))?.[1];
  if (built === undefined) throw new Error(`Nothing says what ${path} is built from.`);
  return `${built}.ts`;
}

/** One program holds all entries but the drop-in: its types say of `req.session` in Express what those of the others do not. */
function programsOf(entries) {
  const isAlone = ({ name }) => name === dropIn;
  return [entries.filter((entry) => !isAlone(entry)), entries.filter(isAlone)].filter(({ length }) => length > 0);
}

/** What is said of one overload is true of all, and what a getter says of its setter. */
function shareComments(project) {
  for (const { signatures = [], getSignature, setSignature } of Object.values(project.reflections)) {
    const group = [...signatures, getSignature, setSignature].filter((signature) => signature !== undefined);
    const comment = group.find((signature) => signature.hasComment())?.comment;
    for (const signature of group) if (!signature.hasComment()) signature.comment = comment?.clone();
  }
}

/**
 * Without anchors that have no link, which the site would show as text, and without the name of what a member was
 * inherited from where that is not on the page: nobody can look it up.
 */
function withoutNoise(markdown) {
  return markdown
    .replaceAll(/<a id="[^"]*"><\/a> /g, '')
    .replaceAll(/^#+ Inherited from\n\n`[\w.]+`\n+/gm, '')
    .replaceAll(/^#+ Extends\n\n- `CommonOptions`\n+/gm, '');
}

/** @returns {Promise<string[]>} what the comments lack, a sentence each */
export async function makeApi(folder = output, entries = entryPoints()) {
  for (const { name, source } of entries)
    if (!existsSync(join(root, source))) throw new Error(`${name} is built from ${source}, which is not there.`);
  const app = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    tsconfig: join(root, 'site/tsconfig.api.json'),
    out: folder,
    readme: 'none',
    name: 'API',
    router: 'module',
    pageTitleTemplates: { index: 'API reference', module: 'API of {name}' },
    logLevel: 'Error',
    excludeExternals: true,
    excludePrivate: true,
    excludeInternal: true,
    disableSources: true,
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    expandObjects: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'list',
    propertyMembersFormat: 'list',
    githubPages: false,
    packagesRequiringDocumentation: [...new Set(entries.map(({ name }) => name.split('/').slice(0, 2).join('/')))],
    validation: { notExported: false, invalidLink: false, invalidPath: false, notDocumented: true },
  });
  const names = new Map(entries.map(({ name, source }) => [join(root, source), name]));
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
    const name = file === undefined ? undefined : names.get(file);
    if (name !== undefined) reflection.name = name;
  });
  app.renderer.on(PageEvent.END, (page) => void (page.contents = withoutNoise(page.contents ?? '')));
  const entryPoints = programsOf(entries).flatMap((program) => {
    app.options.setValue(
      'entryPoints',
      program.map(({ source }) => join(root, source)),
    );
    return app.getEntryPoints() ?? [];
  });
  if (entryPoints.length < entries.length)
    throw new Error('The sources cannot be read: npm run build, then try again.');
  const project = app.converter.convert(entryPoints);
  shareComments(project);
  const lacking = [];
  const { warn } = app.logger;
  // The members of an object that is written inline are told of where it stands.
  app.logger.warn = (text) => void (text.includes('.__type.') || lacking.push(text));
  app.validate(project);
  app.logger.warn = warn;
  await app.generateOutputs(project);
  return lacking;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lacking = await makeApi();
  for (const sentence of lacking) console.error(sentence);
  process.exitCode = lacking.length === 0 ? 0 : 1;
}
