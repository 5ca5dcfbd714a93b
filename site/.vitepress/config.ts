import { type DefaultTheme, type Plugin, type UserConfig, defineConfig } from 'vitepress';
import { githubSlug } from './github-slug.ts';
import { sidebar } from './sidebar.ts';
import { sitePathOf } from './site-path.ts';
import { linkToSite } from './site-links.ts';

/** The pages lie outside of this package, where no Vue is found: what renders them finds it from here. */
const vueFromHere: Plugin = {
  name: 'sess:vue-from-here',
  config: (_config, { isSsrBuild }) =>
    isSsrBuild ? { build: { rollupOptions: { external: ['vue', 'vue/server-renderer'] } } } : {},
};

/** The Markdown of the repository as it is: the pages are not copied, and README.md is the front page. */
const config: UserConfig<DefaultTheme.Config> = defineConfig({
  srcDir: '..',
  srcExclude: [
    ...['.changeset', '.github', 'adapter-tests', 'apps', 'bench', 'e2e', 'scripts', 'packages/*/*'].map(
      (folder) => `${folder}/**`,
    ),
    '**/CHANGELOG.md',
    'site/!(source)/**',
  ],
  rewrites: sitePathOf,
  lang: 'en',
  title: 'sess',
  description: 'Sessions for Node.js web apps that run as several worker processes',
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    // What looks like a tag in these pages is text.
    html: false,
    anchor: { slugify: githubSlug },
    headers: { slugify: githubSlug },
    languageAlias: { cjs: 'js' },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-default' },
    config: linkToSite,
  },
  vite: { plugins: [vueFromHere] },
  themeConfig: {
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: 'local' },
    externalLinkIcon: true,
  },
});

export default config;
