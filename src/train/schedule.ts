/**
 * Step schedules as data: the factor on the learning rate or the weight decay at each step. Not the optimiser, which
 * only multiplies by it. The cosine is the library's own, so that a schedule gives the same bits in every JavaScript
 * engine.
 * Sources: two-stage: the training tips of BitNet b1.58 (Ma et al., arXiv 2402.17764) as their trainers implement
 * them; WSD: Hu et al., "MiniCPM", arXiv 2404.06395, section 4.
 */
import { cosPi } from '../approximate.ts';
import { integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { checkSchema, kinds, number, type Schema } from '../schema.ts';

/** Linear warm-up from 0 to the peak, then a half cosine from the peak down to `final` of it. */
interface CosineSchedule {
  readonly kind: 'cosine';
  /** Part of all steps spent in warm-up, in [0, 1). */
  readonly warmup: number;
  /** Part of the peak that is left at the last step, in [0, 1]. */
  readonly final: number;
}

/** Linear warm-up, then a straight line from the peak down to `final` of it at the last step. */
interface LinearSchedule {
  readonly kind: 'linear';
  readonly warmup: number;
  readonly final: number;
}

/** Warm-up, stable, decay: the peak until the last part `decay` of the steps, which falls linearly to `final`. */
interface WsdSchedule {
  readonly kind: 'wsd';
  readonly warmup: number;
  /** Part of all steps in the decay at the end; warmup + decay is at most 1. */
  readonly decay: number;
  readonly final: number;
}

/**
 * Linear towards zero at the end in two stages: 1 - (t - w)/T until part `at` of the T steps (w: warm-up steps), then
 * `second` (1 - t/T).
 */
interface TwoStageSchedule {
  readonly kind: 'two-stage';
  readonly warmup: number;
  /** Where the second stage begins, above 0 and below 1: BitNet 0.5. */
  readonly at: number;
  /** Peak of the second stage as a part of the first one's: BitNet 2/3. */
  readonly second: number;
}

/** One value until part `at` of the steps, another after it: BitNet's weight decay is 1, then 0. */
interface StepSchedule {
  readonly kind: 'step';
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

export type Schedule = CosineSchedule | LinearSchedule | WsdSchedule | TwoStageSchedule | StepSchedule;

/** 5 % warm-up, then a cosine to 10 %. */
export const defaultSchedule: Schedule = { kind: 'cosine', warmup: 0.05, final: 0.1 };

/** BitNet's two stages of the learning rate, with 5 % warm-up. */
export const twoStageRate: Schedule = { kind: 'two-stage', warmup: 0.05, at: 0.5, second: 2 / 3 };

/** BitNet's weight decay: none in the second half. */
export const twoStageDecay: Schedule = { kind: 'step', at: 0.5, before: 1, after: 0 };

const part = number({ from: 0, to: 1 });
const innerPart = number({ above: 0, below: 1 });
const warmup = number({ from: 0, below: 1 });

/** What the fields of a schedule may be. */
export const scheduleSchema: Schema = kinds({
  cosine: { warmup, final: part },
  linear: { warmup, final: part },
  wsd: { warmup, decay: part, final: part },
  'two-stage': { warmup, at: innerPart, second: part },
  step: { at: innerPart, before: part, after: part },
});

/** The rule that joins fields of a schedule. Throws ArgumentError naming the field, prefixed by `path`. */
export function checkSchedule(schedule: Schedule, path: string): void {
  if (schedule.kind === 'wsd' && schedule.warmup + schedule.decay > 1)
    throw new ArgumentError(`${path}.decay`, schedule.decay, 'a number from 0 to 1 - warmup');
}

/**
 * The factor on the peak value for step `step` (0-based) of `steps`. The first step of a warm-up of w steps has 1/w,
 * so no step is wasted on a rate of 0; the last step of all has exactly `final`.
 * @throws ArgumentError naming the field of the schedule, `step` or `steps`.
 */
export function scheduleFactor(schedule: Schedule, step: number, steps: number): number {
  checkSchema('schedule', schedule, scheduleSchema);
  checkSchedule(schedule, 'schedule');
  integerInRange('steps', steps, 1, Number.MAX_SAFE_INTEGER);
  integerInRange('step', step, 0, steps - 1);
  if (schedule.kind === 'step')
    return step < Math.round(schedule.at * steps) ? schedule.before : schedule.after;
  const warmup = Math.round(schedule.warmup * steps);
  if (step < warmup) return (step + 1) / warmup;
  switch (schedule.kind) {
    case 'two-stage':
      return step < Math.round(schedule.at * steps)
        ? 1 - (step - warmup) / steps
        : schedule.second * (1 - step / steps);
    case 'wsd': {
      const decay = Math.round(schedule.decay * steps);
      const left = steps - 1 - step;
      return left >= decay ? 1 : schedule.final + ((1 - schedule.final) * left) / decay;
    }
    default: {
      const progress = Math.min(1, (step - warmup) / Math.max(1, steps - 1 - warmup));
      const shape = schedule.kind === 'linear' ? 1 - progress : 0.5 * (1 + cosPi(progress));
      return schedule.final + (1 - schedule.final) * shape;
    }
  }
}
