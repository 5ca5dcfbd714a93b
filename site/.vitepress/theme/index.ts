// Without fonts: those of the reader's system load from nowhere.
import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import FrontPage from './FrontPage.vue';
import './style.css';
import './diagram.css';
import './front.css';

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    // The layout of the page whose frontmatter says `layout: front`.
    app.component('Front', FrontPage);
    app.component('front', FrontPage);
  },
};

export default theme;
