/** The component that opens a page of the laboratory: its heading at once, the instrument as soon as its code is there. */

import { withBase } from 'vitepress';
import { defineComponent, h, onBeforeUnmount, onMounted, ref } from 'vue';
import type { Mounted } from '../../../lab/view/page.ts';

const pages = {
  format: {
    title: 'Format',
    lead: 'Which numbers a format has: its bits, its values and the gaps between them, beside those of another.',
    load: () => import('../../../lab/pages/format.ts'),
  },
  rounding: {
    title: 'Rounding',
    lead: 'Where a number goes: its neighbours, and which of them each mode takes, and why.',
    load: () => import('../../../lab/pages/rounding.ts'),
  },
  arithmetic: {
    title: 'Arithmetic',
    lead: 'What an operation gives exactly, and what is left of it; how a sum grows under each accumulator.',
    load: () => import('../../../lab/pages/arithmetic.ts'),
  },
  quantisers: {
    title: 'Quantisers',
    lead: 'What is lost when a tensor is put into few bits.',
    load: () => import('../../../lab/pages/quantisers.ts'),
  },
  training: {
    title: 'Training',
    lead: 'One network, one seed, two recipes: how they learn, and what becomes of their weights.',
    load: () => import('../../../lab/pages/training.ts'),
  },
} as const;

export const Laboratory = defineComponent({
  props: { page: { type: String as () => keyof typeof pages, required: true } },
  setup({ page }) {
    const root = ref<HTMLElement>();
    const { title, lead, load } = pages[page];
    let mounted: Mounted | undefined;
    let isGone = false;
    onMounted(async () => {
      const { mount } = await load();
      if (!isGone && root.value !== undefined)
        mounted = mount(root.value, { base: withBase('/'), absent: [] });
    });
    onBeforeUnmount(() => {
      isGone = true;
      mounted?.close();
    });
    return () =>
      h('main', { class: 'laboratory' }, [
        h('div', { class: 'heading' }, [h('h1', title), h('p', { class: 'lead' }, lead)]),
        h(
          'div',
          { ref: root, class: 'instrument' },
          h('noscript', 'The laboratory computes in your browser: it needs JavaScript.'),
        ),
      ]);
  },
});
