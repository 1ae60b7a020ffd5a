/**
 * Block formats by name: what `quantize(x, 'mxfp4')` means, as options of a quantiser. No numerics live here.
 *
 * Sources: OCP Microscaling Formats (MX) v1.0, sections 5 and 6; NVIDIA, "Pretraining large language models with NVFP4",
 * arXiv 2509.25149, section 2; Darvish Rouhani et al., NeurIPS 2020 (block floating point).
 */
import { checkAbsent, checkBoolean, checkFields } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { BlockFormat } from '../formats/block.ts';
import { type BlockFormatSpelling, parseFormat } from '../formats/names.ts';
import type { Direction } from './power-of-two.ts';
import {
  type CallOptions,
  type NaNInGroups,
  type QuantizerOptions,
  resolveQuantizer,
  withoutParts,
} from './quantizer-options.ts';
import type { BlockError, ScaleOptions } from './scale-options.ts';

/** How a tensor is put into a block format. */
export interface BlockOptions
  extends Omit<CallOptions, 'training'>,
    Pick<QuantizerOptions, 'rounding' | 'saturation' | 'subnormals' | 'randomBits' | 'variant'> {
  /** Row-major shape of x. Default: one row. */
  readonly shape?: readonly number[];
  /** The axis along which blocks lie. Default: the last. */
  readonly axis?: number;
  /** Blocks are squares of the last two axes (NVFP4: 16 x 16) instead of lines. Default false. */
  readonly tile?: boolean;
  /** Power-of-two scales: which power. Default 'floor'. */
  readonly direction?: Direction;
  /** mxint8: leaves -2 (code 0x80) out. Default false. */
  readonly symmetric?: boolean;
  /** nvfp4: one binary32 scale a row instead of one a tensor. Default false. */
  readonly rowScaled?: boolean;
  /** nvfp4: blocks take the better of the scales that map their maximum to 6 and to 4, by mean absolute or squared error. */
  readonly fourOverSix?: BlockError;
  /** nvfp4 with fourOverSix: the block scale of the largest block, 448 (default) or 256. */
  readonly scaleMax?: 448 | 256;
  /** NaN in the elements. Default: 'group' for MX and block floating point, 'error' for nvfp4. */
  readonly nan?: NaNInGroups;
}

/** What is said of the quantiser, not of one call. */
export type BlockQuantizerOptions = Omit<BlockOptions, 'shape' | 'random' | 'update'>;

/** Passed on to the quantiser as they are. */
export const passedOn: readonly (keyof BlockQuantizerOptions & keyof QuantizerOptions)[] = [
  ...(['rounding', 'saturation', 'subnormals', 'seed', 'stream', 'offset', 'randomBits', 'variant'] as const),
  'nan',
];
export const quantizerNames: readonly (keyof BlockQuantizerOptions)[] = [
  ...passedOn,
  ...(['axis', 'tile', 'direction', 'symmetric', 'rowScaled', 'fourOverSix', 'scaleMax'] as const),
];
/** The fields of these names that are there. */
export function picked<T extends object, K extends keyof T>(
  from: T,
  names: readonly K[],
): Partial<Pick<T, K>> {
  const entries = names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]);
  return Object.fromEntries(entries) as Partial<Pick<T, K>>;
}

function toBlockFormat(given: BlockFormat | BlockFormatSpelling): BlockFormat {
  const format = typeof given === 'string' ? parseFormat(given) : given;
  if (format?.kind !== 'block')
    throw new ArgumentError('format', given, 'a block format: mxfp8e4m3 ... nvfp4, bfp(...) or of block()');
  return format;
}

/**
 * The options of the quantiser of a block format.
 *
 * @throws ArgumentError for what is no block format, or an option that is not accepted.
 * @example
 * quantizer(blockQuantizerOptions('mxfp4', { direction: 'rceil', rounding: 'stochastic' }));
 */
export function blockQuantizerOptions(
  format: BlockFormat | BlockFormatSpelling,
  options?: BlockQuantizerOptions,
): QuantizerOptions {
  const made = blockFormatOptions(format, checkFields('', options, quantizerNames));
  resolveQuantizer(made, withoutParts);
  return made;
}

/** The same, its options known to be fields of a block quantiser. */
export function blockFormatOptions(
  format: BlockFormat | BlockFormatSpelling,
  options: BlockQuantizerOptions = {},
): QuantizerOptions {
  const { element, size, scale, tensorScale } = toBlockFormat(format);
  const { axis } = options;
  const isTile = checkBoolean('tile', options.tile, false);
  const isSymmetric = checkBoolean('symmetric', options.symmetric, false);
  const isRowScaled = checkBoolean('rowScaled', options.rowScaled, false);
  const isFixed = element.kind !== 'float';
  if (isSymmetric && !(isFixed && element.isSigned))
    throw new ArgumentError('symmetric', true, `false: ${element.name} is symmetric`);
  if (isRowScaled && tensorScale === undefined)
    throw new ArgumentError('rowScaled', true, `false: ${String(format)} has no second scale`);
  if (tensorScale !== undefined && tensorScale.name !== 'binary32')
    throw new ArgumentError('format', String(format), 'a block format whose tensor scale is binary32');
  if (isTile) checkAbsent('axis', axis, 'nothing for tiles');
  const grouping = isTile
    ? ({ per: 'tile', rows: size, columns: size } as const)
    : ({ per: 'block', size, ...(axis === undefined ? {} : { axis }) } as const);
  const scaleOptions: ScaleOptions = {
    ...grouping,
    from: 'absmax',
    format: scale,
    ...(tensorScale === undefined ? {} : { tensorScale: isRowScaled ? ('row' as const) : true }),
    ...picked(options, ['direction', 'fourOverSix', 'scaleMax']),
  };
  return {
    format: element,
    scale: scaleOptions,
    ...(isFixed && element.isSigned
      ? { range: isSymmetric ? ('restricted' as const) : ('full' as const) }
      : {}),
    ...picked(options, passedOn),
  };
}
