/**
 * Loss curves as points to draw: means over seeds, training loss smoothed between phases but never across a
 * transition, and how the arms look. No drawing here.
 */

import { type Look, lookAt } from '../../experiments/looks.ts';
import type { EvaluationRecord } from '../../train/index.ts';
import { baselineName } from '../compare/arms.ts';
import { isEnded, type Run } from '../compare/runs.ts';
import type { ArmSummary } from '../compare/summary.ts';
import { movingMean } from '../statistics.ts';

/** A point of a curve; low and high are the extremes over seeds. */
interface CurvePoint {
  readonly step: number;
  readonly loss: number;
  readonly low: number;
  readonly high: number;
}

/** The curves of one arm. */
export interface ArmCurves {
  readonly name: string;
  readonly look: Look;
  readonly training: readonly CurvePoint[];
  /** On the way, over a fixed part of the validation text. */
  readonly validation: readonly CurvePoint[];
  /** At the end, over all of it; empty for an arm that did not finish, or of which a seed diverged. */
  readonly final: readonly CurvePoint[];
  /** Step of the transition if it was reached. */
  readonly transition: number | null;
}

/** The looks of arms in their order; the baseline has the colour of the text. */
export function armLooks(names: readonly string[]): Look[] {
  const others = names.filter((name) => name !== baselineName);
  return names.map((name) => {
    if (name === baselineName) return { colour: 'ink', symbol: 'circle', dashed: false };
    return { ...lookAt(others.indexOf(name)), dashed: name === 'bfloat16' };
  });
}

/** The evaluations over the same text: all but the last of a run that was validated at its end, which is over more. */
const evaluationsOnTheWay = ({ status, evaluations, result }: Run): readonly EvaluationRecord[] =>
  isEnded({ status }) && result !== null && result.validationPredictions > 0
    ? evaluations.slice(0, -1)
    : evaluations;

/** Drawing order: what equals the baseline until its transition lies below it, what is dashed above it. */
export const fromBelow = (curves: readonly ArmCurves[]): ArmCurves[] => {
  const layer = ({ name, look }: ArmCurves): number => (look.dashed ? 2 : name === baselineName ? 1 : 0);
  return [...curves].sort((a, b) => layer(a) - layer(b));
};

/**
 * Points with the same step, from several seeds, as one. Where the loss of a seed is not finite there is none: a mean of the
 * other seeds would hide it.
 *
 * @param end last step with points: the one at which the first of the seeds diverged
 */
export function lossPoints(
  series: readonly (readonly { step: number; loss: number }[])[],
  end: number = Number.POSITIVE_INFINITY,
): CurvePoint[] {
  const byStep = new Map<number, number[]>();
  for (const points of series) {
    for (const { step, loss } of points) {
      if (step > end) continue;
      const losses = byStep.get(step);
      if (losses === undefined) byStep.set(step, [loss]);
      else losses.push(loss);
    }
  }
  return [...byStep]
    .filter(([, losses]) => losses.every(Number.isFinite))
    .sort(([a], [b]) => a - b)
    .map(([step, losses]) => ({
      step,
      loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
      low: Math.min(...losses),
      high: Math.max(...losses),
    }));
}

/** Smooths on each side of `transition` alone, so that a spike is not smeared into the steps before it. */
function smooth(points: readonly CurvePoint[], transition: number | null, radius: number): CurvePoint[] {
  const border = transition === null ? 0 : points.findIndex(({ step }) => step > transition);
  const parts = border > 0 ? [points.slice(0, border), points.slice(border)] : [points];
  return parts.flatMap((part) => {
    const means = movingMean(
      part.map(({ loss }) => loss),
      radius,
    );
    return part.map((point, index) => ({ ...point, loss: means[index]! }));
  });
}

/** The step after which an arm's second phase was in force, or null. */
function transitionStep({ runs }: ArmSummary): number | null {
  for (const { phases } of runs) {
    const later = phases.find(({ step }) => step > 0);
    if (later !== undefined) return later.step;
  }
  return null;
}

/** The curves of all arms; `steps` is the planned length, which the smoothing goes by. */
export function armCurves(summaries: readonly ArmSummary[], steps: number): ArmCurves[] {
  const radius = Math.round(steps / 100);
  const looks = armLooks(summaries.map(({ arm }) => arm.name));
  return summaries.map((summary, index) => {
    const transition = transitionStep(summary);
    const { runs, diverged } = summary;
    const end = Math.min(...diverged.map(({ step }) => step));
    return {
      name: summary.arm.name,
      look: looks[index]!,
      training: smooth(
        lossPoints(
          runs.map((run) => run.steps),
          end,
        ),
        transition,
        radius,
      ),
      validation: lossPoints(runs.map(evaluationsOnTheWay), end),
      final:
        diverged.length > 0
          ? []
          : lossPoints(
              runs.flatMap(({ status, result }) =>
                status === 'finished' && result !== null
                  ? [[{ step: result.steps, loss: result.validationLoss }]]
                  : [],
              ),
            ),
      transition,
    };
  });
}
