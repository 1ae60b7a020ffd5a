/**
 * The report of a comparison: one HTML file that needs nothing else, no network and no script, and follows the
 * reader's light or dark setting. It shows what table and plots show, says it in words and tells how to repeat it.
 */

import { escapeMarkup } from '../../experiments/frame.ts';
import { baselineName } from '../compare/arms.ts';
import type { Comparison } from '../compare/outcome.ts';
import type { ArmSummary } from '../compare/summary.ts';
import { comparisonTable, decimals, formatSpread, grouped } from '../compare/table.ts';
import { divergedInWords } from '../diverged.ts';
import { lossPlot } from './loss-plot.ts';
import { transitionPlot } from './transition-plot.ts';

const styles = `
:root { color-scheme: light dark; --text: #1f2328; --soft: #59636e; --paper: #ffffff; --band: #f6f8fa; --line: #d1d9e0; }
@media (prefers-color-scheme: dark) {
  :root { --text: #d1d7e0; --soft: #9198a1; --paper: #0d1117; --band: #151b23; --line: #3d444d; }
}
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; background: var(--paper); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 0.3rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 0.6rem; }
p { margin: 0.5rem 0; }
.soft, caption { color: var(--soft); font-size: 0.875rem; }
.lead { font-size: 1.1rem; }
.stopped { border-left: 4px solid #d55e00; padding: 0.3rem 0.8rem; background: var(--band); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
table.results { width: 100%; }
th, td { padding: 0.35rem 0.5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { vertical-align: bottom; font-weight: 600; }
th small { display: block; font-weight: 400; color: var(--soft); }
th:first-child, td:first-child, .facts td { text-align: left; }
.facts td { white-space: normal; }
tbody tr:nth-child(even) { background: var(--band); }
dt { font-weight: 600; margin-top: 0.6rem; }
dd { margin: 0 0 0 1rem; }
pre { background: var(--band); padding: 0.8rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.85rem; border-radius: 6px; }
svg { display: block; margin: 0.5rem 0; }
`;

/** Final losses in a sentence or two, of arms that have one; null if there are none. */
function lossSentences(summaries: readonly ArmSummary[], steps: number): string | null {
  if (summaries.length === 0) return null;
  const baseline = summaries.find(({ arm }) => arm.name === baselineName);
  const others = summaries.flatMap(({ arm, difference }) =>
    difference !== null && Number.isFinite(difference.mean) ? [{ arm, mean: difference.mean }] : [],
  );
  if (baseline === undefined || others.length === 0) {
    const list = summaries.map((summary) => `${summary.arm.name} ${lossOf(summary)}`).join(', ');
    return `Validation loss after ${steps} steps, in nats per character: ${list}.`;
  }
  const list = others
    .sort((a, b) => a.mean - b.mean)
    .map(({ arm, mean }) => `${arm.name} ${formatSpread({ mean, deviation: null, count: 1 }, 3, true)}`);
  return (
    `After ${grouped(steps)} steps ${baselineName} reaches ${lossOf(baseline)} nats per character on unseen text. ` +
    `The others, by their distance to it: ${list.join(', ')}.`
  );
}

/** What the picture says, in a few sentences. */
function headline({ summaries, steps }: Comparison): string {
  const ended = summaries.filter(({ finished }) => finished > 0);
  const lost = ended.filter(({ diverged }) => diverged.length > 0);
  const losses = lossSentences(
    ended.filter((summary) => !lost.includes(summary)),
    steps,
  );
  const sentences = [
    ...(losses === null ? [] : [losses]),
    ...lost.map(({ arm, diverged, finished }) => `${arm.name}: ${divergedInWords(diverged, finished)}.`),
  ];
  return sentences.length === 0 ? `No arm took all ${steps} steps.` : sentences.join(' ');
}

const lossOf = ({ validationLoss }: ArmSummary): string =>
  validationLoss === null ? 'no result' : decimals(validationLoss.mean, 3);

function resultsTable(comparison: Comparison): string {
  const { columns, rows, notes } = comparisonTable(comparison.summaries, comparison.steps);
  const head = columns
    .map(
      ({ heading: [first, second], name }) =>
        `<th scope="col" title="${escapeMarkup(name)}">${escapeMarkup(first)}<small>${escapeMarkup(second)}</small></th>`,
    )
    .join('');
  const body = rows
    .map((cells) => `<tr>${cells.map((cell) => `<td>${escapeMarkup(cell)}</td>`).join('')}</tr>`)
    .join('\n');
  return (
    `<div class="scroll"><table class="results"><thead><tr>${head}</tr></thead>\n<tbody>${body}</tbody></table></div>\n` +
    notes.map((note) => `<p class="soft">${escapeMarkup(note)}</p>`).join('\n')
  );
}

const columnHelp = `
<dl class="soft">
<dt>validation</dt><dd>Mean loss on the part of the text that no arm was trained on, in nats per character; perplexity is e to that power.</dd>
<dt>bits per weight</dt><dd>Information in one weight of the linear layers as the forward pass reads it at the end; three values are log2 3 = 1.58 bits.</dd>
<dt>spike</dt><dd>Highest training loss of the 200 steps after the transition, minus the mean of the 20 steps before it.</dd>
<dt>recovery</dt><dd>Steps until the mean of five training losses is back below that mean.</dd>
<dt>diverged</dt><dd>A loss, gradient, update or state was not a finite number, which ended the run. An arm of which a seed diverged has no mean, and nothing to compare.</dd>
<dt>speed, time</dt><dd>Of the training steps on the machine below; evaluations are not included. Lower precision is emulated, which costs time: these are not the speeds of hardware with such formats.</dd>
</dl>`;

function facts({ config }: Comparison): string {
  const { text, environment, options, started } = config;
  const { packages } = environment;
  const rows: [string, string][] = [
    [
      'Text',
      `${text.name}: ${grouped(text.trainingCharacters)} characters to train on, ${grouped(text.validationCharacters)} to validate, ${text.vocabulary} different`,
    ],
    ['Length', `${grouped(options.steps)} steps, seeds ${options.seeds.join(', ')}`],
    [
      'Arithmetic',
      `TensorFlow.js ${packages['@tensorflow/tfjs'] ?? ''} on its ${options.backend} backend, ${options.kernels} kernels`,
    ],
    [
      'Machine',
      `${environment.cpu}, ${environment.cores} cores, ${environment.memoryGiB} GiB, ${environment.platform} ${environment.architecture}, Node ${environment.node}`,
    ],
    ['Software', `halfulp ${packages['halfulp'] ?? ''}`],
    ['Started', started],
  ];
  const body = rows.map(
    ([key, value]) => `<tr><th scope="row">${key}</th><td>${escapeMarkup(value)}</td></tr>`,
  );
  return `<table class="facts"><tbody>${body.join('\n')}</tbody></table>`;
}

/** The page of a comparison. */
export function reportPage(comparison: Comparison): string {
  const { name, config, summaries, complete } = comparison;
  const zoom = transitionPlot(comparison);
  const oneSeed = config.options.seeds.length === 1;
  const stopped = complete
    ? ''
    : '<p class="stopped">Stopped early: this report shows what was measured until then.</p>';
  const caution = oneSeed
    ? '<p class="soft">One seed: small differences may be chance. More seeds (<code>--seeds 3</code>) show the spread.</p>'
    : '';
  const arms = summaries
    .map(({ arm }) => `<dt>${escapeMarkup(arm.name)}</dt><dd>${escapeMarkup(arm.description)}</dd>`)
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(name)} - halfulp compare</title>
<style>${styles}</style>
</head>
<body>
<h1>One model, trained ${summaries.length === 1 ? 'one way' : `${summaries.length} ways`}</h1>
<p class="soft">halfulp compare, run ${escapeMarkup(name)}</p>
${stopped}
<p class="lead">${escapeMarkup(headline(comparison))}</p>
${caution}
${resultsTable(comparison)}
<h2>Loss</h2>
${lossPlot(comparison)}
${zoom === null ? '' : `<h2>Around the transitions</h2>\n${zoom}`}
<h2>The arms</h2>
<p>All arms have the same model, initial weights and order of the text for the same seed; they differ in arithmetic only.</p>
<dl>
${arms}
</dl>
<h2>What the columns mean</h2>
${columnHelp}
<h2>Repeat it</h2>
<pre>${escapeMarkup(config.command)}</pre>
${facts(comparison)}
<details><summary>Configuration in full (config.json)</summary>
<pre>${escapeMarkup(JSON.stringify(config, null, 2))}</pre>
</details>
</body>
</html>
`;
}
