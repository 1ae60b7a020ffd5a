/** The options of vectors and of their verification: which operation takes which, defaults and checks. */

import { type Tininess, tininesses } from '../arithmetic/flags.ts';
import type {
  AccumulationOrder,
  AccumulatorModel,
  MatrixUnit,
  MatrixUnitParameters,
} from '../arithmetic/index.ts';
import { checkAbsent, checkBoolean, checkFields, oneOf } from '../check.ts';
import type { BlockFormat, BlockFormatSpelling, Format, FormatSpelling } from '../formats/index.ts';
import { unknownName, wordsFor } from '../nearest-words.ts';
import type { BlockQuantizerOptions } from '../quantizers/index.ts';
import type { RoundingMode, RoundOptions } from '../rounding/index.ts';
import { type MissingNaN, missingNaNs, type NaNRule, nanRules } from './nan.ts';
import { type OperationKind, operationNames, type VectorOperation } from './operation-names.ts';

/** What is tested, beside the name of the operation. Each operation takes the options that mean something to it. */
export interface OperationOptions
  extends Pick<RoundOptions, 'rounding' | 'saturation' | 'subnormals' | 'randomBits' | 'variant'>,
    Pick<BlockQuantizerOptions, 'direction' | 'symmetric' | 'fourOverSix' | 'scaleMax'> {
  /** The format of operands and result; of `convert`, `round` and `encode` the target; of `quantize` a block format. */
  readonly format?: Format | FormatSpelling | BlockFormat | BlockFormatSpelling;
  /** `convert`, `round`, `encode`: the format that is converted. `round` and `encode` have a default, binary64. */
  readonly from?: Format | FormatSpelling;
  /** `step`, `mma`: the matrix unit, its name, or its parameters. */
  readonly unit?: string | MatrixUnit | MatrixUnitParameters;
  /** `dot`, `sum`, `norm`: how many terms. Default 4. */
  readonly terms?: number;
  /** `dot`, `sum`, `norm`: the accumulator model, as of `arithmetic(...).dot`. */
  readonly products?: AccumulatorModel['products'];
  readonly accumulate?: Format | FormatSpelling;
  readonly order?: AccumulationOrder;
  /** The mode of the accumulator's roundings. Default: `rounding`. */
  readonly accumulateRounding?: RoundingMode;
  /** `quantize`: blocks of the tensor, which in nvfp4 share its scale. Default 1. */
  readonly blocks?: number;
  /** Whether underflow is looked for `'after'` rounding (default) or `'before'` it. */
  readonly tininess?: Tininess;
  /** Whether lines have the flags of IEEE 754. Default true; sums, matrix units and blocks have none. */
  readonly flags?: boolean;
  /**
   * Which NaN is right: `'any'` (default of verification), the format's `'canonical'` pattern (default of vectors, where it is what is
   * written), or the `'payload'` of a NaN operand, quiet, where the format has payloads.
   */
  readonly nan?: NaNRule;
  /** What stands for NaN in a format without it. Default `'skip'`: such cases are left out. */
  readonly missingNaN?: MissingNaN;
}

const rounding = ['rounding', 'saturation', 'subnormals', 'randomBits', 'variant'] as const;
const nan = ['nan', 'missingNaN'] as const;
const scalar = ['format', ...nan, 'flags'] as const;

/** The names of options by kind of operation. */
const optionsOfKind: Readonly<Record<OperationKind, readonly (keyof OperationOptions)[]>> = {
  rounded: [...scalar, ...rounding, 'tininess'],
  sign: [...scalar, ...rounding],
  order: ['format', 'flags'],
  extremum: scalar,
  conversion: [...scalar, ...rounding, 'tininess', 'from'],
  sum: ['format', ...nan, ...rounding, 'terms', 'products', 'accumulate', 'order', 'accumulateRounding'],
  unit: ['unit', 'nan'],
  block: ['format', 'blocks', ...rounding, 'direction', 'symmetric', 'fourOverSix', 'scaleMax', 'nan'],
};

export const optionNames: readonly (keyof OperationOptions)[] = [
  ...new Set(Object.values(optionsOfKind).flat()),
];

/** The name of an operation, checked; TestFloat's `mulAdd` is `fma`. Throws ArgumentError. */
export function checkOperation(given: unknown): VectorOperation {
  const name = given === 'mulAdd' ? 'fma' : given;
  const names = Object.keys(operationNames);
  if (typeof name === 'string' && names.includes(name)) return name as VectorOperation;
  throw unknownName('operation', given, names, `one of ${names.join(', ')}`);
}

/**
 * The options of an operation by the names that it takes.
 *
 * @throws ArgumentError for a name that is none, or that means nothing to the operation.
 */
export function checkOptions(operation: VectorOperation, given: OperationOptions): Partial<OperationOptions> {
  const options = checkFields('', given, optionNames);
  const taken: readonly string[] = optionsOfKind[operationNames[operation]];
  for (const name of optionNames)
    if (!taken.includes(name))
      checkAbsent(name, options[name], `nothing with ${operation}; ${wordsFor(name, taken)}`);
  return options;
}

/** The settled options that all scalar operations have. */
export interface CommonOptions {
  readonly tininess: Tininess;
  readonly flags: boolean;
  readonly nan: NaNRule;
  readonly missingNaN: MissingNaN;
}

export function commonOptions(options: Partial<OperationOptions>): CommonOptions {
  return {
    tininess: oneOf('tininess', options.tininess, tininesses, 'after'),
    flags: checkBoolean('flags', options.flags, true),
    nan: oneOf('nan', options.nan, nanRules, 'any'),
    missingNaN: oneOf('missingNaN', options.missingNaN, missingNaNs, 'skip'),
  };
}

/** The rounding among the options, for `resolveRounding`. */
export function roundingOf(options: Partial<OperationOptions>): RoundOptions {
  return Object.fromEntries(
    rounding.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
}
