/** What opens a page of the laboratory where no site is around it: theme by the system, page by the document. */
const pages = {
  format: () => import('./pages/format.ts'),
  rounding: () => import('./pages/rounding.ts'),
  arithmetic: () => import('./pages/arithmetic.ts'),
  quantisers: () => import('./pages/quantisers.ts'),
  training: () => import('./pages/training.ts'),
} as const;

const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = (): void => {
  document.documentElement.classList.toggle('dark', dark.matches);
};
follow();
dark.addEventListener('change', follow);

const main = document.querySelector<HTMLElement>('main.laboratory')!;
const { mount } = await pages[main.dataset['page'] as keyof typeof pages]();
const absent = main.dataset['absent']!.split(' ').filter((name) => name !== '');
mount(main.querySelector<HTMLElement>('.instrument')!, { base: '/', absent });
