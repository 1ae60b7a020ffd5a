/** The site's theme: VitePress' own without web fonts, and the laboratory's pages as one component. */

import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import { Laboratory } from './laboratory.ts';
import './style.css';
import './laboratory.css';

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component('Laboratory', Laboratory);
  },
} satisfies Theme;
