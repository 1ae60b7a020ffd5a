/** Matrix units that a program describes itself: the parameters of the modelled ones, checked against what a step can do exactly. */
import {
  checkAbsent,
  checkBoolean,
  checkFields,
  checkString,
  integerInRange,
  oneOf,
  refusedAs,
} from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { scalarFormats } from '../../formats/catalogue.ts';
import type { FloatFormat, Format } from '../../formats/format.ts';
import { type FormatSpelling, toFormat } from '../../formats/names.ts';
import { fitsBinary32 } from '../../formats/real-arrays.ts';
import type { MatrixUnitDescription, StepKind } from '../../products/matrix-units.ts';

/** A matrix unit of one's own. `docs/accumulation.md` says what a step of each kind does. */
export interface MatrixUnitParameters {
  /** How one step adds a group of products to the accumulator. */
  readonly kind: StepKind;
  /** Format of the elements of A and B: a signed float whose values are binary32 numbers. */
  readonly operands: Format | FormatSpelling;
  /** Products that one step takes. Pairwise: a power of two. With blocks: a multiple of 16. Default: k. */
  readonly group?: number;
  /** Products of an instruction, a multiple of `group`: the last instruction of a chain is filled up with zeros. Default: `group`. */
  readonly k?: number;
  /** Rows and columns of an instruction, for `multiply`. Default 1. */
  readonly m?: number;
  readonly n?: number;
  /** Bits below the largest exponent that aligned terms keep. For all kinds but pairwise. */
  readonly fractionBits?: number;
  /** Rounding of a step's sum. Default `'toward-zero'` for aligned steps; floored and pairwise ones round to nearest even. */
  readonly rounding?: 'toward-zero' | 'nearest-even';
  /** Format of D. Default, and for floored and pairwise steps: binary32. */
  readonly result?: Format | FormatSpelling;
  /** Format of C, with all numbers of `result`, as D of one instruction is C of the next. Default: `result`. */
  readonly addend?: Format | FormatSpelling;
  /** Scales along k, one for `size` elements: powers of two for aligned steps, any for blocks of 16, which need them. */
  readonly scales?: { readonly format: Format | FormatSpelling; readonly size: number };
  /** Pairwise: subnormal operands and results count as zero. Default false. */
  readonly flushes?: boolean;
  /** What messages call it. Default: by its parameters. */
  readonly name?: string;
}

const names: readonly (keyof MatrixUnitParameters)[] = [
  ...(['kind', 'operands', 'group', 'k', 'm', 'n', 'fractionBits', 'rounding', 'result', 'addend'] as const),
  ...(['scales', 'flushes', 'name'] as const),
];

const kinds = ['aligned', 'aligned-blocks', 'floored', 'floored-halves', 'pairwise'] as const;

/** Products of a block whose sum is one term. */
const block = 16;

function floatOf(
  path: string,
  given: unknown,
  what: string,
  accepts: (format: FloatFormat) => boolean,
): FloatFormat {
  const format = refusedAs(
    () => toFormat(given as Format),
    () => path,
  );
  if (format.kind !== 'float' || !fitsBinary32(format) || !accepts(format))
    throw new ArgumentError(path, format.name, what);
  return format;
}

/** Nothing for a parameter that the kind has no use for. */
function unused(path: string, given: unknown, kind: StepKind): void {
  checkAbsent(path, given, `nothing for ${kind} steps`);
}

/** How far fraction bits may go: the sum of a step's terms is an integer below 2^53. */
function mostFractionBits(kind: StepKind, operands: FloatFormat, group: number, fitsBlocks: boolean): number {
  if (kind === 'floored' || kind === 'floored-halves') return 31;
  const largest = fitsBlocks ? 4 * block * operands.max ** 2 : 4;
  const count = fitsBlocks ? group / block : group;
  return Math.min(62, Math.floor(53 - Math.log2(count * largest + 2)));
}

function scalesOf(
  given: MatrixUnitParameters['scales'],
  kind: StepKind,
  k: number,
): MatrixUnitDescription['scales'] {
  if (kind !== 'aligned' && kind !== 'aligned-blocks') {
    unused('scales', given, kind);
    return undefined;
  }
  if (given === undefined && kind === 'aligned') return undefined;
  const { format: formatGiven, size: sizeGiven } = checkFields('scales', given, ['format', 'size']);
  const isPower = kind === 'aligned';
  const format = floatOf(
    'scales.format',
    formatGiven,
    isPower ? 'a format of powers of two, such as e8m0' : 'a float of at most 11 bits of precision',
    ({ precision }) => precision <= (isPower ? 1 : 11),
  );
  const size = integerInRange('scales.size', sizeGiven, 1, k);
  if (k % size !== 0 || (!isPower && size % block !== 0))
    throw new ArgumentError('scales.size', size, `a part of k${isPower ? '' : `, a multiple of ${block}`}`);
  return { format, size };
}

/** The description of a unit by its parameters. Throws ArgumentError. */
export function describeUnit(given: MatrixUnitParameters): MatrixUnitDescription {
  const fields = checkFields('', given, names, 'matrixUnit');
  const kind = oneOf('kind', fields.kind, kinds);
  const isAligned = kind === 'aligned' || kind === 'aligned-blocks';
  const operands = floatOf(
    'operands',
    fields.operands,
    'a signed float of at most 24 bits of precision with zero',
    ({ isSigned, hasZero, precision }) => isSigned && hasZero && precision <= 24,
  );
  if (fields.group === undefined && fields.k === undefined)
    throw new ArgumentError('group', undefined, 'the number of products that a step takes');
  const group = integerInRange('group', fields.group ?? fields.k, 1, 4096);
  const k = integerInRange('k', fields.k, 1, 4096, group);
  if (k % group !== 0) throw new ArgumentError('k', k, `a multiple of group, ${group}`);
  if (kind === 'pairwise' && !Number.isInteger(Math.log2(group)))
    throw new ArgumentError('group', group, 'a power of two for pairwise steps');
  if (kind === 'floored-halves') integerInRange('group', group, 2, 4096);
  if (kind === 'aligned-blocks' && (group % block !== 0 || group !== k))
    throw new ArgumentError('group', group, `k, a multiple of ${block}, for blocks`);
  const result = resultOf(fields.result, isAligned, kind);
  const addend = floatOf(
    'addend',
    fields.addend ?? result,
    `a signed float with all numbers of ${result.name}`,
    (one) =>
      one.isSigned &&
      one.hasZero &&
      one.hasInfinity &&
      one.precision >= result.precision &&
      one.max >= result.max &&
      one.emin - one.mantissaBits <= result.emin - result.mantissaBits,
  );
  const fractionBits = fractionBitsOf(fields, kind, operands, group);
  if (!isAligned) unused('rounding', fields.rounding === 'nearest-even' ? undefined : fields.rounding, kind);
  const rounding = isAligned
    ? oneOf('rounding', fields.rounding, ['toward-zero', 'nearest-even'], 'toward-zero')
    : 'nearest-even';
  if (kind !== 'pairwise') unused('flushes', fields.flushes || undefined, kind);
  const scales = scalesOf(fields.scales, kind, k);
  const name = checkString(
    'name',
    fields.name,
    `${kind} ${operands.name} ${k === group ? '' : `${k / group} x `}${group}, ${
      kind === 'pairwise' ? '' : `${fractionBits} bits, `
    }${rounding} to ${result.name}`,
  );
  return Object.freeze({
    kind: 'matrix-unit',
    ...{ name, alias: name, k, operands, addend, result, step: kind, group, fractionBits, rounding },
    m: integerInRange('m', fields.m, 1, 4096, 1),
    n: integerInRange('n', fields.n, 1, 4096, 1),
    ...(scales !== undefined && { scales }),
    flushes: checkBoolean('flushes', fields.flushes, false),
    verified: false,
  });
}

function resultOf(given: MatrixUnitParameters['result'], isAligned: boolean, kind: StepKind): FloatFormat {
  const { binary32 } = scalarFormats;
  if (given === undefined) return binary32;
  const result = floatOf(
    'result',
    given,
    'a signed float with zero, subnormals and infinity',
    (one) => one.isSigned && one.hasZero && one.hasInfinity && one.hasSubnormals && one.mantissaBits > 0,
  );
  if (!isAligned && result.name !== 'binary32')
    throw new ArgumentError('result', result.name, `binary32 for ${kind} steps`);
  return result;
}

function fractionBitsOf(
  { fractionBits }: Partial<MatrixUnitParameters>,
  kind: StepKind,
  operands: FloatFormat,
  group: number,
): number {
  if (kind === 'pairwise') {
    unused('fractionBits', fractionBits, kind);
    return 24;
  }
  const isBlocks = kind === 'aligned-blocks';
  // Sums of a block's products are exact in binary64.
  const span = 2 * (operands.emax + 1 - (operands.emin - operands.mantissaBits)) + 4;
  if (isBlocks && span > 53)
    throw new ArgumentError(
      'operands',
      operands.name,
      'a format whose 16 products add up exactly in binary64',
    );
  return integerInRange('fractionBits', fractionBits, 1, mostFractionBits(kind, operands, group, isBlocks));
}
