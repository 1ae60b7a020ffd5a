/** What the steps of a matrix unit do to each term: where it is aligned, what stays of it and what is dropped. The results are `step.ts`'s. */
import { exponentOf, scaleByPowerOfTwo } from '../../binary64.ts';
import type { MatrixUnitDescription } from '../../products/matrix-units.ts';
import { type StepInput, split, stepOf, stepTerms, type Term } from './step.ts';

/** A term of a step. */
export interface UnitTerm {
  /** Exactly: a product, a sum of a block's products with their scales, or the accumulator. */
  readonly value: number;
  /** By which it is aligned; of pairwise steps that of the value. */
  readonly exponent: number;
  /** What joins the sum, and what does not: value = kept + dropped. */
  readonly kept: number;
  readonly dropped: number;
}

/** One step: a group of products joins the accumulator. */
export interface UnitStep {
  /** The accumulator before. */
  readonly accumulator: UnitTerm;
  readonly products: readonly UnitTerm[];
  /** The largest exponent, below which aligned terms keep `fractionBits`; undefined for pairwise steps. */
  readonly exponent: number | undefined;
  /** The accumulator after, which the sum of what is kept is rounded to. */
  readonly result: number;
}

/** A chain of steps. */
export interface ExplainedUnit {
  readonly steps: readonly UnitStep[];
  readonly result: number;
}

/** A zero has no sign here. */
const exactValue = ({ significand, exponent }: Term): number => scaleByPowerOfTwo(significand, exponent) + 0;

function keptOf(term: Term, exponent: number, bits: number, cut: (x: number) => number): UnitTerm {
  const value = exactValue(term);
  const kept = Number.isFinite(value)
    ? scaleByPowerOfTwo(
        cut(scaleByPowerOfTwo(term.significand, term.exponent - exponent + bits)),
        exponent - bits,
      )
    : value;
  return {
    value,
    exponent: term.exponent,
    kept: kept + 0,
    dropped: Number.isFinite(value) ? value - kept : 0,
  };
}

const largest = (terms: readonly Term[]): number => Math.max(...terms.map(({ exponent }) => exponent));

/** A step as binary32 additions: products lose what binary32 does not hold. */
function pairwise(c: number, { a, b }: StepInput): Omit<UnitStep, 'result'> {
  const rounded = (given: number): UnitTerm => {
    const value = given + 0;
    const kept = Math.fround(value);
    const isSplit = Number.isFinite(kept) && value !== 0;
    return { value, exponent: isSplit ? exponentOf(value) : 0, kept, dropped: isSplit ? value - kept : 0 };
  };
  return {
    accumulator: rounded(c),
    products: Array.from(a, (x, i) => rounded(x * b[i]!)),
    exponent: undefined,
  };
}

/** The terms of one step. */
export function explainStep(unit: MatrixUnitDescription, c: number, input: StepInput): UnitStep {
  const { step, fractionBits, addend } = unit;
  const result = stepOf(unit, c, input);
  if (step === 'pairwise') return { ...pairwise(c, input), result };
  const carried = split(c, addend);
  const terms = stepTerms(unit, input);
  if (step === 'aligned' || step === 'aligned-blocks') {
    const exponent = largest([carried, ...terms]);
    const kept = (term: Term): UnitTerm => keptOf(term, exponent, fractionBits, Math.trunc);
    return { accumulator: kept(carried), products: terms.map(kept), exponent, result };
  }
  // Products are aligned among themselves, by halves where there are two, and their sum with the accumulator.
  const halves = step === 'floored-halves' ? 2 : 1;
  const places = Array.from({ length: halves }, (_, half) =>
    largest(terms.filter((_, i) => i % halves === half)),
  );
  const exponent = Math.max(...places, carried.exponent);
  return {
    accumulator: keptOf(carried, exponent, fractionBits, Math.floor),
    products: terms.map((term, i) => keptOf(term, places[i % halves]!, fractionBits, Math.trunc)),
    exponent,
    result,
  };
}
