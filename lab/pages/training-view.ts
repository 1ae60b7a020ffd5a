/** The drawings of a page of training: what each run has come to, curves, the steps around a change of phase, weights and codes. */

import { measured, type Picture, type RunRecord } from '../compute/run-record.ts';
import { chart, legend, type Series } from '../view/chart.ts';
import { type Child, el } from '../view/dom.ts';
import { facts, part, table } from '../view/table.ts';

/** A run with its place on the page. */
export interface ShownRun extends RunRecord {
  /** The field of its recipe; of a recorded run, its number among them. */
  readonly key: string;
  readonly colour: number;
  readonly isRecorded: boolean;
  /** What is done before the first step. */
  before?: string;
}

/** Of how many steps from the first on two runs have the same losses, to the bit. */
function equalLosses(a: RunRecord, b: RunRecord): number {
  const most = Math.min(a.losses.length, b.losses.length);
  for (let i = 0; i < most; i++)
    if (a.steps[i] !== b.steps[i] || !Object.is(a.losses[i], b.losses[i])) return i;
  return most;
}

/** A recorded run beside the one that is most like it. */
function likeness(run: ShownRun, runs: readonly ShownRun[]): readonly [string, Child][] {
  const others = runs.filter((other) => !other.isRecorded && other.losses.length > 0);
  if (!run.isRecorded || others.length === 0) return [];
  const [best] = others
    .map((other) => ({ other, equal: equalLosses(run, other) }))
    .sort((a, b) => b.equal - a.equal);
  const { other, equal } = best!;
  const whole = equal === run.losses.length && equal === other.losses.length;
  return [
    [
      'the same losses',
      el(
        'output',
        { 'data-equal': equal },
        whole ? `all ${equal} of ${other.title}` : `the first ${equal} of ${other.title}`,
      ),
    ],
  ];
}

/** What a run has come to. */
export function runState(run: ShownRun, runs: readonly ShownRun[]): HTMLElement {
  const { key, colour, title, steps, losses, evaluations, seconds, flips } = run;
  const outcome = run.outcome || (losses.length === 0 ? run.before : '') || '–';
  const [last, evaluated, flipped] = [losses.at(-1), evaluations.at(-1), flips.at(-1)];
  return el(
    'div',
    { class: `run c${colour % 6}` },
    el('h3', { class: `c${colour % 6}` }, title || '–'),
    facts([
      [
        'step',
        el(
          'output',
          { 'data-run': key, 'data-steps': losses.length, 'data-losses': losses.join(' ') },
          `${steps.at(-1) ?? 0}`,
        ),
      ],
      ['loss', last === undefined ? '–' : measured(last, undefined)],
      ['validation', evaluated === undefined ? '–' : measured(evaluated.loss, evaluated.accuracy)],
      ['codes that flip in a step', flipped === undefined ? '–' : flipped[1].toExponential(2)],
      ['ms a step', losses.length === 0 ? '–' : ((1000 * seconds) / losses.length).toFixed(1)],
      ['outcome', el('output', { 'data-outcome': key }, outcome)],
      ...likeness(run, runs),
    ]),
  );
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** At most 600 points, each the mean of its neighbours. */
function thinned({ steps, losses }: RunRecord): [number, number][] {
  const group = Math.ceil(losses.length / 600);
  const points: [number, number][] = [];
  for (let i = 0; i < losses.length; i += group) points.push([steps[i]!, mean(losses.slice(i, i + group))]);
  return points;
}

const seriesOf = (
  runs: readonly ShownRun[],
  points: (run: ShownRun) => readonly (readonly [number, number])[],
  looks: Partial<Series> = {},
): Series[] => runs.map((run) => ({ name: run.title, colour: run.colour, points: points(run), ...looks }));

/** The curves of all runs. */
export function curves(runs: readonly ShownRun[]): HTMLElement {
  const marks = [...new Set(runs.flatMap(({ phases }) => phases))].map((x) => ({
    x,
    text: `change after ${x}`,
  }));
  const dots = { dots: true, line: false };
  const accuracies = seriesOf(
    runs,
    ({ evaluations }) =>
      evaluations.flatMap(({ step, accuracy }) =>
        accuracy === undefined ? [] : [[step, 100 * accuracy] as const],
      ),
    { dots: true },
  );
  const flips = seriesOf(runs, (run) => run.flips, { dots: true, dotSize: 2 });
  const last = runs.reduce((most, { steps }) => Math.max(most, steps.at(-1) ?? 0), 1);
  const axis = { x: 'steps', xRange: [0, last] } as const;
  const isAny = (series: readonly Series[]): boolean => series.some(({ points }) => points.length > 0);
  return part(
    'Curves',
    legend(runs.map(({ title, colour }) => ({ name: title || '–', colour }))),
    el('h3', {}, 'Training loss, and validation as dots'),
    chart({
      title: 'Training loss of each recipe over the steps',
      ...{ ...axis, y: 'nats', marks, height: 300 },
      series: [
        ...seriesOf(runs, thinned),
        ...seriesOf(
          runs,
          ({ evaluations }) => evaluations.map(({ step, loss }) => [step, loss] as const),
          dots,
        ),
      ],
    }),
    isAny(accuracies) && el('h3', {}, 'Validation accuracy'),
    isAny(accuracies) &&
      chart({
        title: 'Validation accuracy of each recipe',
        ...{ ...axis, y: '% right', series: accuracies, height: 180 },
      }),
    isAny(flips) && el('h3', {}, 'Share of the codes that flip in a step'),
    isAny(flips) &&
      chart({
        title: 'Share of codes that change in a step',
        ...{ ...axis, y: 'share', series: flips, marks, height: 180 },
      }),
  );
}

/** Steps that are shown before and after a change of phase. */
const [before, after] = [30, 100];

/** The steps around the last change of phase of each run that has one: how high the loss jumps, and how soon it is back. */
export function transitions(runs: readonly ShownRun[]): HTMLElement | null {
  const changed = runs.flatMap((run) => (run.spike === null ? [] : [{ run, spike: run.spike }]));
  if (changed.length === 0) return null;
  const series = changed.map(({ run: { title, colour, steps, losses }, spike: { step } }) => ({
    ...{ name: title, colour },
    points: steps.flatMap((one, i) =>
      one > step - before && one <= step + after ? [[one - step, losses[i]!] as const] : [],
    ),
  }));
  const nats = (x: number): string => `${x < 0 ? '' : '+'}${x.toFixed(4)}`;
  return part(
    'The spike at the transition',
    chart({
      title: 'Training loss around the change of phase',
      ...{ x: 'steps since the change', y: 'nats', series, height: 220, marks: [{ x: 0.5, text: 'change' }] },
    }),
    table({
      caption: 'The loss after the change, above the mean of the 20 steps before',
      columns: [
        'recipe',
        ...[
          'change after',
          'highest, nats',
          'mean of 10 steps',
          'mean of 50 steps',
          'steps until it is back',
        ].map((head) => ({ head, number: true })),
      ],
      rows: changed.map(({ run, spike }) => [
        run.title,
        spike.step,
        el('output', { 'data-spike': run.key, 'data-value': spike.height }, nats(spike.height)),
        nats(spike.excess10),
        nats(spike.excess50),
        spike.recoverySteps === null ? 'not yet' : `${spike.recoverySteps}`,
      ]),
    }),
  );
}

/** Weights from blue through the paper's colour to orange, by their share of the largest. */
function drawing({ rows, columns }: Picture, values: Float32Array, title: string): HTMLElement {
  const canvas = el('canvas', { width: columns, height: rows, role: 'img', 'aria-label': title });
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(columns, rows);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const [paper, low, high] = [
    [246, 246, 244],
    [29, 79, 145],
    [181, 82, 10],
  ] as const;
  for (const [i, value] of values.entries()) {
    const share = Math.min(1, Math.abs(value) / largest);
    const end = value < 0 ? low : high;
    image.data.set([...paper.map((from, channel) => from + share * (end[channel]! - from)), 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  return el('figure', {}, canvas, el('figcaption', {}, title));
}

/** Weights as they are held and as the forward pass reads them. */
export function pictures(runs: readonly ShownRun[]): HTMLElement | null {
  const shown = runs.flatMap(({ picture, title }) => (picture === undefined ? [] : [{ picture, title }]));
  if (shown.length === 0) return null;
  return part(
    'Weights and codes',
    el(
      'p',
      { class: 'note' },
      'A corner of the largest matrix: weights as they are held, and the elements that the forward pass reads.',
    ),
    el(
      'div',
      { class: 'pair' },
      ...shown.flatMap(({ picture, title }) => [
        drawing(picture, picture.weights, `${title}: ${picture.name}, weights after ${picture.step} steps`),
        ...(picture.elements === undefined
          ? []
          : [drawing(picture, picture.elements, `${title}: as the forward pass reads it`)]),
      ]),
    ),
  );
}
