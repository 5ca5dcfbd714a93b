// Without fonts: those of the reader's system load from nowhere.
import type { Theme } from 'vitepress';
import { h } from 'vue';
import DefaultTheme from 'vitepress/theme-without-fonts';
import FrontPage from './FrontPage.vue';
import NotFound from './NotFound.vue';
import './style.css';
import './diagram.css';
import './front.css';

const theme: Theme = {
  extends: DefaultTheme,
  // The theme's own page of this kind has no landmark.
  Layout: () => h(DefaultTheme.Layout, undefined, { 'not-found': () => h(NotFound) }),
  enhanceApp({ app }) {
    // The layout of the page whose frontmatter says `layout: front`.
    app.component('Front', FrontPage);
    app.component('front', FrontPage);
  },
};

export default theme;
