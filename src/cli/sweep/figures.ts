/**
 * The pictures of a sweep, and those of them in which each arm or contrast is a mark: final losses, contrasts.
 * Pictures over steps are curve-figures.ts, those against costs cost-figure.ts.
 */
import * as Plot from '@observablehq/plot';
import { svgColour } from '../../experiments/looks.ts';
import { divergedWord } from '../diverged.ts';
import { svgDocument } from '../report/svg.ts';
import { halfInterval } from '../statistics.ts';
import type { ContrastResult } from './contrasts.ts';
import { costFigure } from './cost-figure.ts';
import { curvesFigure, spikeFigure } from './curve-figures.ts';
import { looksOfSweep } from './looks.ts';
import type { SweepResults } from './results.ts';
import { lossUnit, measureTitles } from './tables.ts';

/** A picture as SVG. */
interface Figure {
  /** Part of a file's name. */
  readonly name: string;
  /** For people who do not see it. */
  readonly title: string;
  readonly svg: string;
}

const widthOf = (names: readonly string[]): number =>
  Math.min(330, 24 + 6.6 * names.reduce((most, { length }) => Math.max(most, length), 0));

/** Bare y scale with a name for each row, and beside it what the row has no mark for. */
function rowsOf(names: readonly string[], remarks: ReadonlyMap<string, string>) {
  const text = (name: string): string => (remarks.has(name) ? `${name} (${remarks.get(name)})` : name);
  const scale = {
    ...{ type: 'band' as const, domain: names, label: null, padding: 0.2 },
    tickFormat: text,
  };
  return { scale, width: widthOf(names.map(text)) };
}

/** `2 of 3 diverged` */
const remarkOf = (diverged: number, seeds: number): string =>
  seeds === 1 ? divergedWord : `${diverged} of ${seeds} ${divergedWord}`;

/** Final validation loss of each arm: seeds, mean, 95 % interval of the mean. */
function finalFigure({ sweep, rows, finished }: SweepResults): string | null {
  const { places } = looksOfSweep(sweep);
  const marks = rows.flatMap(({ arm, measures: { validationLoss } }, i) => {
    if (validationLoss === null || !Number.isFinite(validationLoss.mean)) return [];
    const { mean } = validationLoss;
    const half = halfInterval(validationLoss) ?? 0;
    const colour = svgColour(places[i]!.look);
    return [{ arm: arm.name, mean, low: mean - half, high: mean + half, colour }];
  });
  const names = sweep.arms.map(({ name }) => name);
  const seeds = finished.flatMap(({ run, result, divergence }) =>
    divergence === null ? [{ arm: run.arm.name, loss: result.validationLoss }] : [],
  );
  if (seeds.length === 0) return null;
  const diverged = rows.flatMap(({ arm, diverged: list, seeds: all }) =>
    list.length === 0 ? [] : [[arm.name, remarkOf(list.length, all.length)] as const],
  );
  const { scale, width } = rowsOf(names, new Map(diverged));
  return svgDocument(
    {
      ...{ width: 820, height: 60 + 24 * names.length, marginTop: 8, marginBottom: 42, marginRight: 18 },
      marginLeft: width,
      x: {
        ...{
          label: `validation loss at the end, nats per ${lossUnit(sweep)}`,
          labelAnchor: 'center',
          labelArrow: 'none',
        },
        ...{ nice: true, inset: 8 },
      },
      y: scale,
      color: { type: 'identity' },
      marks: [
        Plot.gridX({ strokeOpacity: 0.12 }),
        Plot.ruleY(marks, { y: 'arm', x1: 'low', x2: 'high', stroke: 'colour', strokeWidth: 2 }),
        Plot.dot(seeds, { y: 'arm', x: 'loss', r: 2.5, stroke: 'currentColor', strokeOpacity: 0.6 }),
        Plot.dot(marks, { y: 'arm', x: 'mean', r: 4.5, fill: 'colour' }),
      ],
    },
    {
      title: `Validation loss at the end, ${sweep.title}`,
      legend: [],
      caption: [
        'Filled: mean; line: its 95 % interval by Student’s t; rings: seeds.',
        'Arms compare by seed: see the contrasts.',
        ...(diverged.length > 0
          ? ['Where a seed diverged there is no mean; rings: the seeds that did not.']
          : []),
      ],
    },
  );
}

/** Contrasts of one measure with their intervals. */
function contrastFigure(title: string, results: readonly ContrastResult[]): string | null {
  const { measure, as } = results[0]!.contrast;
  const marks = results.flatMap(({ contrast: { name }, value, interval }) =>
    value === null || !Number.isFinite(value.mean)
      ? []
      : [{ name, mean: value.mean, half: interval }].map((mark) => ({
          ...mark,
          low: mark.mean - (mark.half ?? 0),
          high: mark.mean + (mark.half ?? 0),
        })),
  );
  if (marks.length === 0) return null;
  const names = results.map(({ contrast: { name } }) => name);
  const diverged = results.flatMap(({ contrast: { name }, diverged: list, seeds }) =>
    list.length === 0 ? [] : [[name, remarkOf(list.length, seeds.length)] as const],
  );
  const { scale, width } = rowsOf(names, new Map(diverged));
  const neutral = as === 'ratio' ? 1 : 0;
  const colourOf = ({ half, low, high }: (typeof marks)[number]): string =>
    half === null || (low <= neutral && high >= neutral) ? '#8c8c8c' : '#0a85c7';
  return svgDocument(
    {
      ...{ width: 820, height: 60 + 24 * names.length, marginTop: 8, marginBottom: 42, marginRight: 18 },
      marginLeft: width,
      x: {
        ...{ label: `${as} of ${measureTitles[measure]}`, labelAnchor: 'center', labelArrow: 'none' },
        ...{ nice: true, inset: 8 },
      },
      y: scale,
      color: { type: 'identity' },
      marks: [
        Plot.gridX({ strokeOpacity: 0.12 }),
        Plot.ruleX([neutral], { stroke: 'currentColor' }),
        Plot.ruleY(marks, { y: 'name', x1: 'low', x2: 'high', stroke: colourOf, strokeWidth: 2 }),
        Plot.dot(marks, { y: 'name', x: 'mean', r: 4.5, fill: colourOf }),
      ],
    },
    {
      title: `Contrasts in ${measureTitles[measure]}, ${title}`,
      legend: [],
      caption: [
        'Paired by seed, with 95 % intervals by Student’s t, each for itself.',
        `Grey: the interval covers ${neutral}, or there is one seed only.`,
        ...(diverged.length > 0 ? ['Where a seed diverged there is no value.'] : []),
      ],
    },
  );
}

/** Every picture that the results are enough for. */
export function sweepFigures(results: SweepResults): Figure[] {
  const { sweep, contrasts, finished } = results;
  if (finished.length === 0) return [];
  const kindOf = ({ contrast: { measure, as } }: ContrastResult): string => `${measure}-${as}`;
  const kinds = [...new Set(contrasts.map(kindOf))].map(
    (kind) => [kind, contrasts.filter((one) => kindOf(one) === kind)] as const,
  );
  const drawn: (readonly [string, string, string | null])[] = [
    ['final', 'Validation loss at the end by arm', finalFigure(results)],
    ...kinds.map(
      ([kind, list]) =>
        [
          `contrast-${kind}`,
          `Contrasts: ${list[0]!.contrast.as} of ${measureTitles[list[0]!.contrast.measure]}`,
          contrastFigure(sweep.title, list),
        ] as const,
    ),
    ['curves', 'Validation loss by step', curvesFigure(results)],
    ['spike', 'Training loss around the transition', spikeFigure(results)],
    ['bits', 'Validation loss against bits per weight', costFigure(results, 'bits')],
    ['bytes', 'Validation loss against bytes per parameter', costFigure(results, 'bytes')],
    ['bits-accuracy', 'Accuracy against bits per weight', costFigure(results, 'bits', 'accuracy')],
  ];
  return drawn.flatMap(([name, title, svg]) => (svg === null ? [] : [{ name, title, svg }]));
}
