/** Buttons below the documentation's examples that run them in this page, in a worker, and show what each line gives. */
import { withBase } from 'vitepress';
import { Asker, type Fault } from '../../../lab/client.ts';
import { el } from '../../../lab/view/dom.ts';

let manifest: Promise<Readonly<Record<string, readonly number[]>>> | undefined;

async function run(output: HTMLElement, page: string, index: number): Promise<void> {
  const asker = new Asker(withBase('/'));
  output.replaceChildren('running');
  try {
    const lines = await asker.ask('example', { page, index });
    output.replaceChildren(
      ...lines.map((line) =>
        'svg' in line
          ? el('img', {
              src: `data:image/svg+xml,${encodeURIComponent(line.svg)}`,
              alt: 'The plot that the example draws',
            })
          : el('div', {}, el('code', {}, line.expression), el('code', { class: 'given' }, line.text)),
      ),
    );
  } catch (error) {
    output.replaceChildren((error as Fault).message);
  } finally {
    asker.close();
  }
}

/** Adds the buttons to a page of the documentation, named by its path below the site. */
export async function addExamples(page: string): Promise<void> {
  const blocks = document.querySelectorAll<HTMLElement>('.vp-doc div.language-ts');
  if (blocks.length === 0) return;
  manifest ??= fetch(withBase('/examples/manifest.json')).then((response) => response.json());
  for (const index of (await manifest)[page] ?? []) {
    const block = blocks[index];
    if (block === undefined || block.nextElementSibling?.classList.contains('example') === true) continue;
    const output = el('div', { class: 'example-lines', role: 'status' });
    const start = el('button', { type: 'button', click: () => void run(output, page, index) }, 'Run');
    block.after(el('div', { class: 'example' }, start, output));
  }
}
