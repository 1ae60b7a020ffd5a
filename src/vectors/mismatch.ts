/**
 * Why a result is not ours, by what kind of fault makes such a one: the exact result, its neighbours in the format and the rule of the
 * mode tell a wrong tie from a lost sticky bit or a wrong overflow.
 */
import { addReals } from '../arithmetic/exact.ts';
import { compareReal, roundReal, toReal } from '../arithmetic/real.ts';
import type { Code, Format } from '../formats/format.ts';
import { nextDown, nextUp } from '../formats/neighbours.ts';
import { posit } from '../formats/posit.ts';
import type { ResolvedRounding, RoundingMode } from '../rounding/index.ts';
import { codecOf, columnsOf, type Field } from './fields.ts';
import { codeText, hexText, realText } from './notation.ts';
import { type Answer, flagWords, type TestOperation, type Unrounded } from './operation.ts';

/** The kinds of mismatches. A line counts once: by its first wrong result, or by its flags where the results are right. */
export const mismatchKinds = [
  'wrong flag',
  'wrong tie',
  'lost sticky bit',
  'wrong rounding',
  'wrong overflow',
  'wrong subnormal',
  'sign of zero',
  'NaN',
  'wrong infinity',
  'wrong scale',
  'wrong value',
] as const;
export type MismatchKind = (typeof mismatchKinds)[number];

/** A line whose results or flags are not ours. */
export interface Mismatch {
  readonly line: number;
  readonly kind: MismatchKind;
  readonly operands: readonly Code[];
  readonly ours: readonly Code[];
  readonly theirs: readonly Code[];
  /** In TestFloat's bits; undefined where the operation has none. */
  readonly flags: { readonly ours: number; readonly theirs: number } | undefined;
  /** The first result that differs, by its name: `z`, `code3`; `flags` where only they do. */
  readonly column: string;
  /** The exact result in the notation of C's %a, cut off with `...` after 32 digits; undefined where there is none. */
  readonly exact: string | undefined;
  /** Why ours is what it is, as a phrase. */
  readonly reason: string;
}

/** The exact result between its neighbours. */
interface Place {
  readonly inner: number;
  readonly outer: number;
  readonly isTie: boolean;
  /** Whether it lies nearer to the outer one. */
  readonly isUpperHalf: boolean;
}

function rounded({ real, format, options, random }: Unrounded, rounding: RoundingMode): number {
  const saturation: ResolvedRounding['saturation'] = 'propagate';
  return roundReal(real, format, { ...options, rounding, saturation }, random);
}

/** Whether a number lies half way between two posits on the encoding: whether it is a posit of one bit more. */
function isPositTie({ real, format }: Unrounded): boolean {
  if (format.kind !== 'posit' || format.bits >= 32 || (format.bits - 1) * 2 ** format.es > 1022) return false;
  const wider = posit({ bits: format.bits + 1, es: format.es });
  const value = rounded({ real, format: wider, options: {} as ResolvedRounding, random: 0 }, 'nearest-even');
  return compareReal(real, value) === 0 && !format.has(value);
}

function placeOf(unrounded: Unrounded): Place {
  const inner = rounded(unrounded, 'toward-zero');
  const outer = rounded(unrounded, 'away-from-zero');
  if (unrounded.format.kind === 'posit') {
    const isTie = isPositTie(unrounded);
    return { inner, outer, isTie, isUpperHalf: !isTie && rounded(unrounded, 'nearest-even') === outer };
  }
  const low = rounded(unrounded, 'nearest-to-zero');
  const high = rounded(unrounded, 'nearest-away');
  return { inner, outer, isTie: low !== high, isUpperHalf: low === outer && inner !== outer };
}

function isNearest(mode: RoundingMode): boolean {
  return mode.startsWith('nearest');
}

/** What a tie between the neighbours becomes. */
function tieResult({ inner, outer }: Place, { format, options, random }: Unrounded): number {
  const sum = addReals(toReal(inner), toReal(outer));
  return roundReal({ ...sum, exponent: sum.exponent - 1 }, format, options, random);
}

/** Whether theirs is what comes of dropping all bits but the first that is cut off. */
function hasLostSticky(place: Place, theirs: number, unrounded: Unrounded): boolean {
  const { rounding } = unrounded.options;
  // Jamming looks at no bit that it cuts off.
  if (rounding.startsWith('stochastic') || rounding === 'jamming') return false;
  if (!isNearest(rounding)) return Object.is(theirs, place.inner) && !place.isUpperHalf && !place.isTie;
  return place.isUpperHalf && Number.isFinite(place.outer) && Object.is(theirs, tieResult(place, unrounded));
}

interface Verdict {
  readonly kind: MismatchKind;
  readonly reason: string;
}

/** Whether the exact result lies beyond the ends of the format. */
function isBeyondRange({ real, format }: Unrounded): boolean {
  return compareReal(real, format.max) > 0 || compareReal(real, format.min) < 0;
}

/** The verdict where the result is one rounding of a number. */
function verdictOfRounding(ours: number, theirs: number, unrounded: Unrounded): Verdict {
  const { real, format, options } = unrounded;
  const mode = options.rounding;
  const place = placeOf(unrounded);
  const between = `between ${codeText(place.inner, format)} and ${codeText(place.outer, format)}`;
  const isBeyond = isBeyondRange(unrounded);
  if (isBeyond || (!Number.isFinite(theirs) && Number.isFinite(ours))) {
    const end = codeText(compareReal(real, format.max) > 0 ? format.max : format.min, format);
    return {
      kind: 'wrong overflow',
      reason: isBeyond
        ? `beyond the end of the range, ${end}; ${mode}, saturation ${options.saturation}`
        : `in range, ${between}`,
    };
  }
  const isNeighbour = Object.is(theirs, place.inner) || Object.is(theirs, place.outer);
  if (place.isTie && isNearest(mode) && isNeighbour)
    return { kind: 'wrong tie', reason: `a tie ${between}; ${mode}` };
  const minNormal = format.kind === 'float' ? format.minNormal : 0;
  const isSmall = compareReal({ ...real, negative: false }, minNormal) < 0;
  if (isSmall && !isNeighbour && (theirs === 0 || Math.abs(theirs) === minNormal))
    return {
      kind: 'wrong subnormal',
      reason: `below the smallest normal number; subnormals ${options.subnormals}`,
    };
  if (mode === 'jamming' && place.inner === place.outer && compareReal(real, place.inner) === 0)
    return { kind: 'wrong rounding', reason: 'a value of the format, exactly, whose last bit jamming sets' };
  if (place.inner === place.outer && compareReal(real, ours) === 0)
    return { kind: 'wrong value', reason: 'a value of the format, exactly' };
  if (hasLostSticky(place, theirs, unrounded))
    return {
      kind: 'lost sticky bit',
      reason: isNearest(mode)
        ? `${between}, above the middle by bits that are cut off`
        : `${between}, not the inner one: bits are cut off; ${mode}`,
    };
  const half = place.isTie
    ? 'half way'
    : place.isUpperHalf
      ? 'nearer to the outer one'
      : 'nearer to the inner one';
  if (isNeighbour) return { kind: 'wrong rounding', reason: `${between}, ${half}; ${mode}` };
  return { kind: 'wrong value', reason: between };
}

function areNeighbours(a: number, b: number, format: Format): boolean {
  if (!format.has(a) || !format.has(b)) return false;
  return nextUp(a, format) === b || nextDown(a, format) === b;
}

/** The verdict on one result that differs. */
function verdictOf(
  ours: Code,
  theirs: Code,
  field: Field,
  unrounded: Unrounded | undefined,
  isScale: boolean,
): Verdict {
  const { format } = field;
  if (format === undefined) return { kind: 'wrong value', reason: `${hexText(ours, field.bits)} is right` };
  const { decode } = codecOf(format);
  const [x, y] = [decode(ours), decode(theirs)];
  // Formats without infinity overflow to NaN.
  const overflows =
    unrounded !== undefined && Number.isNaN(x) !== Number.isNaN(y) && isBeyondRange(unrounded);
  if ((Number.isNaN(x) || Number.isNaN(y)) && !overflows) {
    const words = Number.isNaN(x)
      ? Number.isNaN(y)
        ? 'another NaN is right'
        : 'NaN is right'
      : 'a number is right';
    return { kind: 'NaN', reason: words };
  }
  if (isScale) return { kind: 'wrong scale', reason: `${hexText(ours, field.bits)} is the scale` };
  if (x === 0 && y === 0)
    return { kind: 'sign of zero', reason: `the zero is ${Object.is(x, -0) ? 'negative' : 'positive'}` };
  if (unrounded !== undefined && field.name === 'z') return verdictOfRounding(x, y, unrounded);
  if (!Number.isFinite(x) || !Number.isFinite(y)) return { kind: 'wrong infinity', reason: `${x} is right` };
  if (areNeighbours(x, y, format)) return { kind: 'wrong rounding', reason: 'the neighbour is right' };
  return { kind: 'wrong value', reason: `${codeText(x, format)} is right` };
}

/** The mismatch of a line with the answer to it. */
export function mismatchOf(
  operation: TestOperation,
  line: number,
  operands: readonly Code[],
  answer: Answer,
  theirs: { readonly results: readonly Code[]; readonly flags: number },
  isRight: (column: number) => boolean,
): Mismatch {
  const columns = columnsOf(operation.results);
  const wrong = columns.findIndex((_, i) => !isRight(i));
  const unrounded = operation.unrounded?.(operands);
  const field = columns[wrong];
  const isScale = field !== undefined && /^(scale|tensor)/.test(field.name);
  const verdict: Verdict =
    field === undefined
      ? { kind: 'wrong flag', reason: `${flagWords(answer.flags)} is right, not ${flagWords(theirs.flags)}` }
      : verdictOf(answer.results[wrong]!, theirs.results[wrong]!, field, unrounded, isScale);
  return {
    line,
    kind: verdict.kind,
    operands,
    ours: answer.results,
    theirs: theirs.results,
    flags: operation.hasFlags ? { ours: answer.flags, theirs: theirs.flags } : undefined,
    column: field?.name ?? 'flags',
    exact: unrounded === undefined ? undefined : realText(unrounded.real),
    reason: verdict.reason,
  };
}
