import type { DefaultTheme } from 'vitepress';
import { apiPages, docsPages } from './pages.ts';
import { project } from './project.ts';
import { siteLinkTo } from './site-path.ts';

const doc = (name: string): string => siteLinkTo(`docs/${name}.md`);

/** Links of the bar above every page. A chapter that has no page yet has no link. */
export function navigation(): DefaultTheme.NavItem[] {
  const pages = docsPages();
  const [api] = apiPages();
  return [
    { text: 'Get started', link: doc('getting-started') },
    ...(pages.includes('recipes/index')
      ? [{ text: 'Recipes', link: doc('recipes/index'), activeMatch: '/docs/recipes/' }]
      : []),
    ...(pages.includes('frameworks/index')
      ? [{ text: 'Frameworks', link: doc('frameworks/index'), activeMatch: '/docs/frameworks/' }]
      : []),
    {
      text: 'Reference',
      items: [
        { text: 'Configuration', link: doc('configuration') },
        { text: 'Errors and findings', link: doc('errors') },
        { text: 'Command line', link: siteLinkTo('packages/cli/README.md') },
        ...(api === undefined ? [] : [{ text: 'API', link: siteLinkTo(api) }]),
      ],
    },
    {
      text: project.version,
      items: [
        { text: 'Changelog', link: '/changelog/' },
        { text: 'Contributing', link: siteLinkTo('CONTRIBUTING.md') },
        { text: 'Security', link: siteLinkTo('SECURITY.md') },
      ],
    },
  ];
}
