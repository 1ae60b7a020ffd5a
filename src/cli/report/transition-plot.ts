/**
 * The steps around each transition, as SVG: the training loss of every step and seed, the level before it, and where
 * the loss is back. One panel for each arm with a transition, on a common scale.
 */

import * as Plot from '@observablehq/plot';
import { svgColour } from '../../experiments/looks.ts';
import type { Comparison } from '../compare/outcome.ts';
import type { ArmSummary } from '../compare/summary.ts';
import { armCurves } from './curves.ts';
import { svgDocument } from './svg.ts';

/** Steps shown before a transition: those that its level is the mean of. */
const before = 20;

interface Point {
  readonly arm: string;
  readonly colour: string;
  readonly seed: number;
  /** Steps since the transition; the first with the new arithmetic is 1. */
  readonly since: number;
  readonly loss: number;
}

/** How many steps after the transition are shown: until a while after the recovery, within bounds. */
function stepsAfter(summaries: readonly ArmSummary[]): number {
  const recoveries = summaries.flatMap(({ runs }) =>
    runs.flatMap(({ result }) => result?.spike?.recoverySteps ?? []),
  );
  return Math.min(200, Math.max(60, ...recoveries.map((steps) => steps + before)));
}

interface Level {
  readonly arm: string;
  readonly colour: string;
  /** Mean loss of the steps before the transition. */
  readonly level: number;
}

/** The losses around the transitions, `after` steps beyond them, and the levels before. */
function lossesAround({ summaries, steps }: Comparison, after: number): { points: Point[]; levels: Level[] } {
  const curves = armCurves(summaries, steps);
  const points: Point[] = [];
  const levels: Level[] = [];
  for (const [index, { arm, runs }] of summaries.entries()) {
    const { transition, look } = curves[index]!;
    if (transition === null) continue;
    const colour = svgColour(look);
    const earlier: number[] = [];
    for (const run of runs) {
      // One that diverged before has no transition.
      if (!run.phases.some(({ step }) => step === transition)) continue;
      for (const { step, loss } of run.steps) {
        const since = step - transition;
        if (since <= -before || since > after || !Number.isFinite(loss)) continue;
        points.push({ arm: arm.name, colour, seed: run.seed, since, loss });
        if (since <= 0) earlier.push(loss);
      }
    }
    if (earlier.length > 0) {
      const level = earlier.reduce((sum, loss) => sum + loss, 0) / earlier.length;
      levels.push({ arm: arm.name, colour, level });
    }
  }
  return { points, levels };
}

/** The picture, or null if no arm reached a transition. */
export function transitionPlot(comparison: Comparison): string | null {
  const after = stepsAfter(comparison.summaries);
  const { points, levels } = lossesAround(comparison, after);
  if (points.length === 0) return null;
  const arms = [...new Set(points.map(({ arm }) => arm))];
  return svgDocument(
    {
      width: 820,
      height: 280,
      marginLeft: 52,
      marginRight: 18,
      marginTop: 26,
      marginBottom: 46,
      fx: { domain: arms, label: null, padding: 0.1 },
      x: {
        domain: [-before, after],
        label: 'steps since the transition',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: arms.length > 3 ? 3 : 6,
      },
      y: {
        nice: true,
        label: 'training loss in nats per character',
        labelAnchor: 'center',
        labelArrow: 'none',
      },
      marks: [
        Plot.gridY({ strokeOpacity: 0.12 }),
        Plot.ruleX([0], { stroke: 'currentColor', strokeDasharray: '3,3' }),
        Plot.ruleY(levels, {
          fx: 'arm',
          y: 'level',
          stroke: 'currentColor',
          strokeOpacity: 0.6,
          strokeWidth: 1,
        }),
        Plot.line(points, {
          fx: 'arm',
          x: 'since',
          y: 'loss',
          z: 'seed',
          stroke: 'colour',
          strokeWidth: 1.25,
        }),
      ],
      color: { type: 'identity' },
    },
    {
      title: `Training loss around the transitions (${comparison.name})`,
      legend: [],
      caption: [
        `Every step, not smoothed. Dashed: the transition. Horizontal line: mean of the ${before} steps before it.`,
      ],
    },
  );
}
