/**
 * The report of a sweep: one HTML file with status, tables and pictures. No script, no network.
 */

import { escapeMarkup } from '../../experiments/frame.ts';
import { divergenceInWords } from '../../train/index.ts';
import { type SweepResults, statusOf } from './results.ts';
import { contrastTable, notesOf, type SweepTable, sweepTable } from './tables.ts';

const styles = `:root { color-scheme: light dark; } body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 1rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; } th, td { padding: 0.3rem 0.5rem; text-align: right; border-bottom: 1px solid #8886; }
th:first-child, td:first-child, .left { text-align: left; } .scroll { overflow-x: auto; } figure { margin: 1.5rem 0; }`;

function tableMarkup({ columns, rows }: SweepTable): string {
  const row = (tag: string, texts: readonly string[]): string =>
    `<tr>${texts
      .map((text, i) => {
        const side = columns[i]!.align === 'left' ? ' class="left"' : '';
        return `<${tag}${side}>${escapeMarkup(text)}</${tag}>`;
      })
      .join('')}</tr>`;
  const head = row(
    'th',
    columns.map(({ name }) => name),
  );
  return `<div class="scroll"><table>${head}${rows.map((line) => row('td', line)).join('\n')}</table></div>`;
}

/** The page of a sweep, finished or not, with its pictures. */
export function sweepPage(results: SweepResults, pictures: readonly { readonly svg: string }[]): string {
  const { sweep, rows, contrasts } = results;
  const failures = rows.flatMap(({ arm, failures: list }) =>
    list.map(({ seed, reason }) => `<li>${escapeMarkup(`${arm.name}, seed ${seed}: ${reason}`)}</li>`),
  );
  const diverged = rows.flatMap(({ arm, diverged: list }) =>
    list.map(
      ({ seed, ...divergence }) =>
        `<li>${escapeMarkup(`${arm.name}, seed ${seed}: ${divergenceInWords(divergence)}`)}</li>`,
    ),
  );
  const figures = pictures.map(({ svg }) => `<figure>${svg}</figure>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeMarkup(sweep.title)}</title><style>${styles}</style></head>
<body><h1>${escapeMarkup(sweep.title)}</h1>
<p>${escapeMarkup(sweep.claim)}</p>
<p>${sweep.model}, ${sweep.steps} steps, seeds ${sweep.seeds.join(', ')}. <strong>${escapeMarkup(statusOf(results))}</strong></p>
${tableMarkup(sweepTable(results))}
${notesOf(results)
  .map((note) => `<p>${escapeMarkup(note)}</p>`)
  .join('\n')}
${contrasts.length > 0 ? `<h2>Contrasts</h2>${tableMarkup(contrastTable(results))}` : ''}
${diverged.length > 0 ? `<h2>Diverged</h2><ul>${diverged.join('')}</ul>` : ''}
${failures.length > 0 ? `<h2>Without a result</h2><ul>${failures.join('')}</ul>` : ''}
${figures.join('\n')}
</body></html>
`;
}
