import { join } from 'node:path';
import { type DefaultTheme, type HeadConfig, type Plugin, type UserConfig, defineConfig } from 'vitepress';
import { linkToApi } from './api-links.ts';
import { apiNames } from './api-names.ts';
import { drawDiagrams } from './diagrams.ts';
import { githubSlug } from './github-slug.ts';
import { navigation } from './navigation.ts';
import { project } from './project.ts';
import { sidebar } from './sidebar.ts';
import { root, sitePathOf } from './site-path.ts';
import { reachByKeyboard } from './scrollable.ts';
import { linkToSite } from './site-links.ts';

/** The pages lie outside of this package, where no Vue is found: what renders them finds it from here. */
const vueFromHere: Plugin = {
  name: 'sess:vue-from-here',
  config: (_config, { isSsrBuild }) =>
    isSsrBuild ? { build: { rollupOptions: { external: ['vue', 'vue/server-renderer'] } } } : {},
};

/** What a chat or a social network shows of a link. They want whole addresses, so there is no picture without a homepage. */
function card(title: string, description: string, page: string): HeadConfig[] {
  const meta = (property: string, content: string): HeadConfig => ['meta', { property, content }];
  const { homepage } = project;
  return [
    meta('og:type', 'website'),
    meta('og:site_name', 'sess'),
    meta('og:title', title),
    meta('og:description', description),
    ...(homepage === undefined
      ? []
      : [
          meta('og:url', `${homepage}/${page.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '.html')}`),
          meta('og:image', `${homepage}/card.png`),
          ['meta', { name: 'twitter:card', content: 'summary_large_image' }] satisfies HeadConfig,
        ]),
  ];
}

const description = 'Sessions for Node.js web apps that run as several worker processes';

/** The Markdown of the repository as it is: the pages are not copied. The front page alone is the site's own. */
const config: UserConfig<DefaultTheme.Config> = defineConfig({
  srcDir: '..',
  base: project.base,
  srcExclude: [
    ...['.changeset', '.github', 'adapter-tests', 'apps', 'bench', 'e2e', 'scripts', 'packages/*/*'].map(
      (folder) => `${folder}/**`,
    ),
    '**/CHANGELOG.md',
    'site/!(source|front|changelog|generated)/**',
  ],
  rewrites: sitePathOf,
  lang: 'en',
  title: 'sess',
  description,
  head: [
    ['link', { rel: 'icon', href: `${project.base}icon.svg`, type: 'image/svg+xml' }],
    ['meta', { name: 'theme-color', content: '#3f4fc4' }],
  ],
  transformHead: ({ pageData, title }) => card(title, pageData.description || description, pageData.relativePath),
  markdown: {
    // What looks like a tag in these pages is text.
    html: false,
    anchor: { slugify: githubSlug },
    headers: { slugify: githubSlug },
    languageAlias: { cjs: 'js' },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-default' },
    config(markdown) {
      linkToSite(markdown);
      linkToApi(markdown, apiNames());
      drawDiagrams(markdown);
      reachByKeyboard(markdown);
    },
  },
  vite: { plugins: [vueFromHere], publicDir: join(root, 'site/public') },
  themeConfig: {
    logo: '/icon.svg',
    nav: navigation(),
    sidebar: sidebar(),
    outline: [2, 3],
    search: {
      provider: 'local',
      options: {
        // All words of a question count, and a heading says more of a section than its text.
        miniSearch: { searchOptions: { combineWith: 'AND', fuzzy: 0.1, boost: { title: 6, titles: 2 } } },
      },
    },
    externalLinkIcon: true,
    ...(project.repository === undefined
      ? {}
      : {
          socialLinks: [{ icon: 'github', link: project.repository, ariaLabel: 'The repository' }],
          editLink: { pattern: `${project.repository}/edit/main/:path`, text: 'Edit this page' },
        }),
  },
});

export default config;
