/** The site's theme: VitePress' own without web fonts, and the laboratory's pages as one component. */

import type { Theme } from 'vitepress';
import { onContentUpdated, useData } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import { addExamples } from './examples.ts';
import { Laboratory } from './laboratory.ts';
import './style.css';
import './laboratory.css';

export default {
  extends: DefaultTheme,
  setup: () => {
    const { page } = useData();
    onContentUpdated(() => {
      // The home page of the theme has no landmark of its own.
      const content = document.querySelector('#VPContent');
      if (content?.querySelector('main') === null) content.setAttribute('role', 'main');
      else content?.removeAttribute('role');
      void addExamples(page.value.relativePath.replace(/\.md$/, ''));
    });
  },
  enhanceApp: ({ app }) => {
    app.component('Laboratory', Laboratory);
  },
} satisfies Theme;
