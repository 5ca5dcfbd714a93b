// Without fonts: those of the reader's system load from nowhere.
import DefaultTheme from 'vitepress/theme-without-fonts';
import './style.css';

export default DefaultTheme;
