/** Pictures of laws, as SVG: the loss against tokens by format, and the runs' losses against those of a fit. */
import * as Plot from '@observablehq/plot';
import { svgColour, svgDash } from '../../experiments/looks.ts';
import { floatingPointLaw, type LawFit, type LawRow, lawForms } from '../../laws/index.ts';
import { armLooks } from '../report/curves.ts';
import { svgDocument } from '../report/svg.ts';
import { amountText, type FormatLoss, type LawModel } from './page.ts';

const size = { width: 820, height: 440, marginLeft: 58, marginRight: 30, marginTop: 14, marginBottom: 44 };
/** Decades of tokens on either side of the model's, and points a decade. */
const decades = 3;
const pointsPerDecade = 20;

/** The loss against tokens, a line a format, with a dot where it is least. */
export function formatsPlot(rows: readonly FormatLoss[], { parameters, tokens, block }: LawModel): string {
  const looks = armLooks(rows.map(({ format }) => format));
  const counts = Array.from(
    { length: 2 * decades * pointsPerDecade + 1 },
    (_, i) => tokens * 10 ** (i / pointsPerDecade - decades),
  );
  const lines = rows.map(({ format, criticalTokens }, i) => {
    const loss = (at: number): number => floatingPointLaw({ format, parameters, block, tokens: at }).loss;
    const isInside = criticalTokens >= counts[0]! && criticalTokens <= counts.at(-1)!;
    return {
      look: looks[i]!,
      text: format,
      points: counts.map((at) => ({ tokens: at, loss: loss(at) })),
      least: isInside ? [{ tokens: criticalTokens, loss: loss(criticalTokens) }] : [],
    };
  });
  const all = lines.flatMap(({ points }) => points.map(({ loss }) => loss));
  const low = Math.min(...all);
  const first = Math.max(...lines.map(({ points }) => points[0]!.loss));
  return svgDocument(
    {
      ...size,
      x: {
        type: 'log',
        label: 'tokens',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickFormat: amountText,
        ticks: 6,
      },
      y: {
        domain: [low - 0.02 * (first - low), first],
        ...{ label: 'loss in nats a token', labelAnchor: 'center', labelArrow: 'none' },
      },
      marks: [
        Plot.gridX({ strokeOpacity: 0.12 }),
        Plot.gridY({ strokeOpacity: 0.12 }),
        Plot.ruleX([tokens], { strokeOpacity: 0.4, strokeDasharray: '2,4' }),
        ...lines.flatMap(({ look, points, least }) => [
          Plot.line(points, {
            x: 'tokens',
            y: 'loss',
            stroke: svgColour(look),
            strokeWidth: 2,
            clip: true,
            ...svgDash(look),
          }),
          Plot.dot(least, {
            x: 'tokens',
            y: 'loss',
            fill: svgColour(look),
            symbol: look.symbol,
            r: 4.5,
            clip: true,
          }),
        ]),
      ],
    },
    {
      title: `Loss against tokens in ${rows.map(({ format }) => format).join(', ')}`,
      legend: lines.map(({ look, text }) => ({ look, text })),
      caption: [
        `${amountText(parameters)} parameters, a scale for ${block} elements: the law of arXiv 2501.02423.`,
        'A dot is where more tokens begin to raise the loss; dotted, the tokens that were asked for.',
      ],
    },
  );
}

/** The losses of runs against those of the law, with the interval of its mean: on the line where they agree. */
export function fitPlot(rows: readonly LawRow[], fit: LawFit): string {
  const points = rows.map((row) => ({ loss: row['loss']!, ...fit.predict(row) }));
  const ends = points.flatMap(({ loss, low, high }) => [loss, low, high]).filter(Number.isFinite);
  const margin = 0.03 * (Math.max(...ends) - Math.min(...ends)) || 0.1;
  const domain = [Math.min(...ends) - margin, Math.max(...ends) + margin];
  const axis = { domain, labelAnchor: 'center', labelArrow: 'none' } as const;
  const colour = '#0a85c7';
  return svgDocument(
    {
      ...size,
      x: { ...axis, label: 'loss by the law' },
      y: { ...axis, label: 'loss of the run' },
      marks: [
        Plot.gridX({ strokeOpacity: 0.12 }),
        Plot.gridY({ strokeOpacity: 0.12 }),
        Plot.line(domain, {
          x: (end: number) => end,
          y: (end: number) => end,
          strokeOpacity: 0.5,
          strokeDasharray: '5,4',
        }),
        Plot.ruleY(points, { y: 'loss', x1: 'low', x2: 'high', stroke: colour, strokeOpacity: 0.5 }),
        Plot.dot(points, { x: 'value', y: 'loss', fill: colour, r: 4 }),
      ],
    },
    {
      title: `Losses of ${rows.length} runs against those of a fitted law`,
      legend: [],
      caption: [
        `loss = ${lawForms[fit.form].formula}`,
        'Dashed: law and run agree. Lines: 95 % interval of the mean that the law foretells.',
      ],
    },
  );
}
