/**
 * Step schedules as data: what the learning rate is at each step. Not the optimiser, which only multiplies by it.
 * The cosine is the library's own, so that a schedule gives the same bits in every JavaScript engine.
 */
import { cosPi } from '../arithmetic/elementary/approximate.ts';
import { ArgumentError } from '../errors.ts';

/** Linear warm-up from 0 to the peak, then a half cosine from the peak down to `final` of it. */
export interface CosineSchedule {
  readonly kind: 'cosine';
  /** Part of all steps spent in warm-up, in [0, 1). */
  readonly warmup: number;
  /** Part of the peak that is left at the last step, in [0, 1]. */
  readonly final: number;
}

export type Schedule = CosineSchedule;

/** 5 % warm-up, then a cosine to 10 %. */
export const defaultSchedule: Schedule = { kind: 'cosine', warmup: 0.05, final: 0.1 };

/** Throws ArgumentError naming the field, prefixed by `path`, if the schedule is not one. */
export function checkSchedule(schedule: Schedule, path: string): void {
  if (schedule.kind !== 'cosine') throw new ArgumentError(`${path}.kind`, schedule.kind, 'cosine');
  if (!(schedule.warmup >= 0 && schedule.warmup < 1))
    throw new ArgumentError(`${path}.warmup`, schedule.warmup, 'a number from 0 to below 1');
  if (!(schedule.final >= 0 && schedule.final <= 1))
    throw new ArgumentError(`${path}.final`, schedule.final, 'a number from 0 to 1');
}

/**
 * The factor on the peak value for step `step` (0-based) of `steps`. The first step of a warm-up of w steps has 1/w,
 * so no step is wasted on a rate of 0; the last step of all has exactly `final`.
 */
export function scheduleFactor(schedule: Schedule, step: number, steps: number): number {
  const warmup = Math.round(schedule.warmup * steps);
  if (step < warmup) return (step + 1) / warmup;
  const progress = Math.min(1, (step - warmup) / Math.max(1, steps - 1 - warmup));
  return schedule.final + (1 - schedule.final) * 0.5 * (1 + cosPi(progress));
}
