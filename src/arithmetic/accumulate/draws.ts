/**
 * The random integers of an accumulation. Each kind of rounding has a stream of its own, `stream` plus its place in
 * `parts`, and within it the index is `offset` + o K + k for output o and term k. Integers that are supplied lie in the
 * same order: the parts that draw, one after the other, each of as many integers as there are slots.
 */

import { type Part, parts } from '../../products/model.ts';
import type { ResolvedRounding } from '../../rounding/options.ts';
import { randomIntegers } from '../../rounding/philox.ts';
import type { ArithmeticContext } from '../context.ts';
import type { DrawTerm } from './inner-product.ts';

/** The random integer of a rounding; 0 for parts that draw none. */
type Draw = (part: Part, index: number) => number;

// Integers that are made at once: whole blocks of Philox, at any number of bits.
const window = 256;

function streamOf({ stream }: ResolvedRounding, part: Part): bigint {
  return BigInt.asUintN(64, BigInt(stream) + BigInt(parts.indexOf(part)));
}

function drawPhilox(options: ResolvedRounding, part: Part): (index: number) => number {
  const stream = streamOf(options, part);
  const { seed, offset, randomBits } = options;
  let start = -window;
  let integers: Uint32Array = new Uint32Array(0);
  return (index) => {
    if (index < start || index >= start + window) {
      start = Math.floor(index / window) * window;
      const count = Math.min(window, Number.MAX_SAFE_INTEGER - offset - start + 1);
      integers = randomIntegers(count, { seed, stream, randomBits, offset: offset + start });
    }
    return integers[index - start]!;
  };
}

/**
 * @param options Of the call: `offset` at its first slot, or `random` beginning with its first integer.
 * @param drawing The parts that draw, as `drawingParts` gives them.
 * @param slots Outputs times terms.
 */
export function drawsOf(options: ResolvedRounding, drawing: readonly Part[], slots: number): Draw {
  const { random } = options;
  const draws = new Map<Part, (index: number) => number>(
    drawing.map((part, place) => [
      part,
      random === undefined ? drawPhilox(options, part) : (index): number => random[place * slots + index]!,
    ]),
  );
  return (part, index) => draws.get(part)?.(index) ?? 0;
}

/** The draws of one call: of each output, and as kernels take them. */
export interface CallDraws {
  readonly call: ResolvedRounding;
  of(output: number): DrawTerm;
}

/** Takes the draws of so many outputs of k terms; the cursor moves on. */
export function takeDraws(
  context: ArithmeticContext,
  drawing: readonly Part[],
  outputs: number,
  k: number,
): CallDraws {
  if (drawing.length === 0) return { call: context.options, of: () => () => 0 };
  const slots = outputs * Math.max(k, 1);
  const call = context.take(slots, slots * drawing.length);
  const draw = drawsOf(call, drawing, slots);
  return { call, of: (output) => (part, index) => draw(part, output * Math.max(k, 1) + index) };
}
