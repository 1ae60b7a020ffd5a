/**
 * The numbers of a finished run that sweeps compare, by name. Whether less of one is better is not said here.
 */
import type { StepProbes } from '../../train/index.ts';
import { spread } from '../statistics.ts';
import type { FinishedRun } from './finished-run.ts';

/**
 * Names of a run's numbers; `inference` is the validation loss with the first of the recipe's `inference` weights,
 * `inferenceAccuracy` the accuracy. Accuracies are of classification only, from 0 to 1. `sharpness` and `learnedBits` are of the last probed
 * step; `weightOverGradient` is the mean of log10 (|w| / |g|) over parameters and probed steps.
 */
export type MeasureName =
  | 'validationLoss'
  | 'accuracy'
  | 'trainLoss'
  | 'inference'
  | 'inferenceAccuracy'
  | 'spike'
  | 'excess10'
  | 'excess50'
  | 'recoverySteps'
  | 'flipRate'
  | 'stepRatio'
  | 'frozen'
  | 'entropy'
  | 'zeroFraction'
  | 'forwardSqnr'
  | 'gradientSqnr'
  | 'forwardUnderflow'
  | 'gradientUnderflow'
  | 'gradientBias'
  | 'gradientCosine'
  | 'gradientAlignment'
  | 'sharpness'
  | 'largestGradientNorm'
  | 'gradientNormRatio'
  | 'weightOverGradient'
  | 'firstSqnr'
  | 'secondSqnr'
  | 'learnedBits'
  | 'unstablePart'
  | 'divergedPart'
  | 'divergenceStep'
  | 'bytesPerParameter'
  | 'totalMemory'
  | 'peakMemory'
  | 'secondsPerStep';

interface Measure {
  readonly of: (finished: FinishedRun) => number | null | undefined;
  /** What a run that diverged has: what is measured of its steps is the number; what its end would say is none. */
  readonly whenDiverged: 'number' | 'none';
}

/** Mean over the probed steps of what a probe of all weights saw. */
const probed = (field: 'flipRate' | 'stepRatio' | 'frozen' | 'entropy' | 'zeroFraction'): Measure => ({
  of: ({ steps }) => spread(steps.flatMap(({ probes }) => probes?.weights?.[field] ?? []))?.mean,
  whenDiverged: 'none',
});

/**
 * Mean over the probed steps, and over the quantised operands of forward products or the gradients that backward products read, of what a
 * probe of operands saw.
 */
const ofOperands = (of: 'forward' | 'gradient', field: 'sqnr' | 'underflow'): Measure => ({
  of: ({ steps }) => {
    const isMeant = (slot: string): boolean =>
      of === 'forward' ? slot.startsWith('forward.') : slot.endsWith('.g');
    const seen = steps.flatMap(({ probes }) =>
      Object.entries(probes?.operands ?? {}).flatMap(([slot, probe]) =>
        isMeant(slot) && probe[field] !== null ? [probe[field]] : [],
      ),
    );
    return spread(seen)?.mean;
  },
  whenDiverged: 'none',
});

/** Mean over the probed steps of what a probe of gradients saw. */
const ofGradients = (field: 'bias' | 'cosine' | 'alignment'): Measure => ({
  of: ({ steps }) => spread(steps.flatMap(({ probes }) => probes?.gradient?.[field] ?? []))?.mean,
  whenDiverged: 'none',
});

/** Of the last probed step. */
const lastOf =
  (of: (probes: StepProbes) => number | undefined): Measure['of'] =>
  ({ steps }) =>
    steps.flatMap(({ probes }) => (probes && of(probes)) ?? []).at(-1);

/** Mean over the probed steps of what holding a moment loses, in dB. */
const ofStates = (moment: 'first' | 'second'): Measure => ({
  of: ({ steps }) => spread(steps.flatMap(({ probes }) => probes?.states?.[moment] ?? []))?.mean,
  whenDiverged: 'none',
});

/** Logarithms of how much larger weights are than their gradients. */
const ratiosOf = ({ steps }: FinishedRun): number[] =>
  steps.flatMap(({ probes }) =>
    Object.values(probes?.weightOverGradient ?? {}).flatMap((ratio) =>
      ratio > 0 && ratio < Infinity ? [Math.log10(ratio)] : [],
    ),
  );

/** Steps over which a loss is averaged, and nats that it may rise above its least mean. */
const window = 20;
const mostRise = 0.5;

/**
 * Whether a run lost what it had learned: it diverged, or the mean loss of its last steps lies far above the least mean of as many steps
 * in a row.
 */
function isUnstable({ divergence, steps }: FinishedRun): boolean {
  if (divergence !== null) return true;
  let sum = 0;
  let least = Infinity;
  steps.forEach(({ loss }, i) => {
    sum += loss - (i < window ? 0 : steps[i - window]!.loss);
    if (i >= window - 1) least = Math.min(least, sum);
  });
  return steps.length > window && sum - least > window * mostRise;
}

const ending = (of: Measure['of']): Measure => ({ of, whenDiverged: 'none' });
const onTheWay = (of: Measure['of']): Measure => ({ of, whenDiverged: 'number' });

const measureTable: Readonly<Record<MeasureName, Measure>> = {
  validationLoss: ending(({ result }) => result.validationLoss),
  accuracy: ending(({ result }) => result.validationAccuracy),
  trainLoss: ending(({ result }) => result.trainLoss),
  inference: ending(({ result }) => result.inference[0]?.loss),
  inferenceAccuracy: ending(({ result }) => result.inference[0]?.accuracy),
  // NaN already where the window reaches the step at which a run diverged.
  spike: onTheWay(({ result }) => result.spike?.height),
  excess10: onTheWay(({ result }) => result.spike?.excess10),
  excess50: onTheWay(({ result }) => result.spike?.excess50),
  recoverySteps: onTheWay(({ result }) => result.spike?.recoverySteps),
  flipRate: probed('flipRate'),
  stepRatio: probed('stepRatio'),
  frozen: probed('frozen'),
  entropy: probed('entropy'),
  zeroFraction: probed('zeroFraction'),
  forwardSqnr: ofOperands('forward', 'sqnr'),
  gradientSqnr: ofOperands('gradient', 'sqnr'),
  forwardUnderflow: ofOperands('forward', 'underflow'),
  gradientUnderflow: ofOperands('gradient', 'underflow'),
  gradientBias: ofGradients('bias'),
  gradientCosine: ofGradients('cosine'),
  gradientAlignment: ofGradients('alignment'),
  sharpness: onTheWay(lastOf(({ sharpness }) => sharpness)),
  largestGradientNorm: onTheWay(({ steps }) =>
    steps.reduce<number | undefined>(
      (most, { gradientNorm }) => Math.max(most ?? 0, gradientNorm),
      undefined,
    ),
  ),
  gradientNormRatio: onTheWay(({ steps }) => {
    const norms = steps.map(({ gradientNorm }) => gradientNorm).sort((a, b) => a - b);
    return norms.length === 0 ? undefined : norms.at(-1)! / norms[norms.length >> 1]!;
  }),
  weightOverGradient: onTheWay((finished) => spread(ratiosOf(finished))?.mean),
  firstSqnr: ofStates('first'),
  secondSqnr: ofStates('second'),
  learnedBits: ending(lastOf(({ bits }) => bits)),
  unstablePart: onTheWay((finished) => (isUnstable(finished) ? 1 : 0)),
  divergedPart: onTheWay(({ divergence }) => (divergence === null ? 0 : 1)),
  divergenceStep: onTheWay(({ divergence }) => divergence?.step),
  bytesPerParameter: onTheWay(({ result }) => result.memory.bytesPerParameter),
  totalMemory: onTheWay(({ result }) => result.memory.total),
  peakMemory: onTheWay(({ result }) => result.peakMemory),
  secondsPerStep: onTheWay(({ result }) => result.seconds / result.steps),
};

export const measureNames: readonly MeasureName[] = Object.keys(measureTable) as MeasureName[];

/** A number of a finished run: null where the run has none, as a spike without a transition; NaN where it diverged. */
export function measureOf(finished: FinishedRun, name: MeasureName): number | null {
  const { of, whenDiverged } = measureTable[name];
  const value = of(finished) ?? null;
  return value !== null && finished.divergence !== null && whenDiverged === 'none' ? Number.NaN : value;
}

/** What a run has only once it came to a transition. */
const afterTransition: readonly MeasureName[] = ['spike', 'excess10', 'excess50', 'recoverySteps'];

/**
 * A number of the runs of one arm, by seed, where they have it. A run that diverged before it came to what its arm has, a
 * transition or a probe, has NaN: its lack is no reason to leave it out.
 */
export function measuresOf(runs: readonly FinishedRun[], name: MeasureName): Map<number, number> {
  const values = runs.map((finished) => [finished, measureOf(finished, name)] as const);
  const isOfArm =
    values.some(([, value]) => value !== null) ||
    (afterTransition.includes(name) && runs.some(({ run }) => run.arm.recipe.phases.length > 1));
  return new Map(
    values.flatMap(([{ run, divergence }, value]) => {
      if (value !== null) return [[run.seed, value] as const];
      return isOfArm && divergence !== null ? [[run.seed, Number.NaN] as const] : [];
    }),
  );
}
