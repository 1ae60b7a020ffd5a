/** Rounding of JavaScript's typed arrays with the kernels. */
import { apartFrom, isFloat32Array, kindOf, type RealArray } from '../array-kinds.ts';
import { ArgumentError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { type ResolvedRounding, roundArrayReference } from '../rounding/index.ts';
import { type Heap, perHeap } from './heap.ts';
import { checkSupplied, type Rounder, rounderOn } from './rounder.ts';
import { roundingRoomBytes, writeRounding } from './rounding-job.ts';
import { roundingModule } from './rounding-module.ts';
import type { RoundingPlan } from './rounding-plan.ts';
import { planRounding } from './rounding-planner.ts';
import { isForWorkers, paceOf } from './shared-rounding.ts';
import { type ElementWork, runElements } from './staging.ts';

const rounderOf = perHeap(rounderOn);

/** One call. */
class RoundingWork implements ElementWork {
  readonly arrays: readonly RealArray[];
  readonly out: RealArray;
  readonly isInPlace = true;
  readonly pace: number;
  readonly module = roundingModule;
  readonly roomBytes = roundingRoomBytes;
  private readonly plan: RoundingPlan;
  private readonly options: ResolvedRounding;
  private rounder: Rounder | undefined;

  constructor(x: RealArray, out: RealArray, plan: RoundingPlan, options: ResolvedRounding) {
    this.arrays = [x, out];
    this.out = out;
    this.pace = paceOf(plan);
    this.plan = plan;
    this.options = options;
  }

  prepare(heap: Heap): void {
    this.rounder = rounderOf(heap);
    this.rounder.prepare(this.plan);
  }

  run([from, to]: readonly number[], start: number, length: number): boolean {
    this.rounder!.round(this.plan, from!, to!, length, this.options, start);
    return true;
  }

  write(heap: Heap, room: number, [from, to]: readonly number[], start: number): void {
    writeRounding(heap, room, this.plan, { source: from!, destination: to!, start }, this.options);
  }
}

/**
 * Rounds every element of x into out, which may be x. The same bits as `roundArrayReference`.
 *
 * @param out An array of the same kind and length.
 * @param options As `resolveRounding` gives them; supplied random integers must be at least as many as elements.
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing.
 * @throws ArgumentError if out is not like x, or if there are too few random integers. Nothing is written before.
 * @throws Error if a worker thread fails; out is incomplete then.
 */
export function roundArray<A extends RealArray>(
  x: A,
  out: A,
  format: Format,
  options: ResolvedRounding,
  threads = 1,
): void {
  if (out.length !== x.length || kindOf(out) !== kindOf(x))
    throw new ArgumentError('out', out, `a ${kindOf(x)} of length ${x.length}, as x`);
  const plan = planRounding(isFloat32Array(x) ? 'float32' : 'float64', format, options);
  if (plan !== undefined) checkSupplied(plan, options, x.length);
  const source = apartFrom(x, out);
  if (plan === undefined) {
    roundArrayReference(source, out, format, options);
    return;
  }
  const work = new RoundingWork(source, out, plan, options);
  runElements(work, isForWorkers(plan, options) ? threads : 1);
}
