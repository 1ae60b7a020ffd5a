/**
 * Block formats: a block of elements in a narrow format shares one scale, and in some a whole tensor shares a second one.
 * This file says which numbers they hold; finding scales and rounding to them is the matter of the quantisers.
 *
 * Sources: OCP Microscaling Formats (MX) v1.0, sections 5 and 6; NVIDIA, "Pretraining large language models with NVFP4",
 * arXiv 2509.25149, section 2 (nvfp4); Darvish Rouhani et al., "Pushing the limits of narrow precision inferencing at cloud
 * scale with Microsoft Floating Point", NeurIPS 2020 (block floating point).
 */
import { checkFields, checkNumber, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type CodeArray, codesOf } from './codes.ts';
import { fixed } from './fixed.ts';
import { float } from './float.ts';
import { floatOf } from './float-format.ts';
import { type FloatCatalogueName, floatCatalogue, withDefaults } from './float-parameters.ts';
import type { Code, FixedFormat, FloatFormat, IntFormat } from './format.ts';

/** The formats that elements may have. */
export type ElementFormat = FloatFormat | IntFormat | FixedFormat;

export interface BlockFormat {
  readonly kind: 'block';
  readonly name: string;
  readonly element: ElementFormat;
  readonly size: number;
  readonly scale: FloatFormat;
  readonly tensorScale: FloatFormat | undefined;
  /** Storage of one element, its part of the block's scale included; the tensor's scale not. mxfp4: 4.25. */
  readonly bitsPerElement: number;
  /**
   * The values of one block: element x scale x tensorScale, exact.
   *
   * @param scale Code of the block's scale; a NaN scale makes the whole block NaN.
   * @param elements At most `size` codes.
   * @param tensorScale Value of the tensor's scale; 1 by default.
   * @throws ArgumentError for too many elements; RangeError for codes that are none.
   */
  decode(scale: Code, elements: CodeArray | readonly Code[], tensorScale?: number): Float64Array;
  toString(): string;
  toJSON(): string;
}

/** What a block format is made of. */
type BlockParts = Pick<BlockFormat, 'name' | 'element' | 'size' | 'scale'> & {
  readonly tensorScale?: FloatFormat | undefined;
};

/** The block format of parts that are checked. */
export function blockOf({ name, element, size, scale, tensorScale }: BlockParts): BlockFormat {
  function decode(scaleCode: Code, elements: CodeArray | readonly Code[], factor = 1): Float64Array {
    const codes = codesOf('elements', elements, element);
    if (codes.length > size) throw new ArgumentError('elements', elements, `at most ${size} codes`);
    const shared = scale.decode(scaleCode);
    checkNumber('tensorScale', factor);
    return Float64Array.from(codes as Uint32Array, (code) => element.decode(code) * shared * factor);
  }

  return Object.freeze({
    kind: 'block',
    name,
    element,
    size,
    scale,
    tensorScale,
    bitsPerElement: element.bits + scale.bits / size,
    decode,
    toString: (): string => name,
    toJSON: (): string => name,
  } satisfies BlockFormat);
}

export interface BlockFloatingPointParameters {
  /** Bits of an element's magnitude, the sign apart: 1 to 23. */
  readonly mantissaBits: number;
  /** Elements that share an exponent. */
  readonly block: number;
  /** Width of the shared exponent, 2 to 8. Default 8. */
  readonly exponentBits?: number;
}

const bfpNames: readonly (keyof BlockFloatingPointParameters)[] = ['mantissaBits', 'block', 'exponentBits'];

/**
 * Block floating point: signed magnitudes M 2^(1 - mantissaBits) below 2, and a shared power of two with bias
 * 2^(exponentBits - 1) - 1.
 *
 * @example
 * bfp({ mantissaBits: 7, block: 16 }).name // 'bfp(7,16)'
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function bfp(parameters: BlockFloatingPointParameters): BlockFormat {
  const given = checkFields('', parameters, bfpNames, 'parameters');
  const mantissaBits = integerInRange('mantissaBits', given.mantissaBits, 1, 23);
  const size = integerInRange('block', given.block, 1, Number.MAX_SAFE_INTEGER);
  const exponentBits = integerInRange('exponentBits', given.exponentBits, 2, 8, 8);
  return blockOf({
    name: `bfp(${mantissaBits},${size}${exponentBits === 8 ? '' : `,${exponentBits}`})`,
    element: float({ exponentBits: 0, mantissaBits, specials: 'finite' }),
    size,
    scale: float({ ...floatCatalogue.e8m0, exponentBits, bias: 2 ** (exponentBits - 1) - 1 }),
  });
}

export type BlockFormatName =
  | 'mxfp8e4m3'
  | 'mxfp8e5m2'
  | 'mxfp6e2m3'
  | 'mxfp6e3m2'
  | 'mxfp4'
  | 'mxint8'
  | 'nvfp4';

const named = (name: FloatCatalogueName): FloatFormat => floatOf(withDefaults(floatCatalogue[name]));
const e8m0 = named('e8m0');

function microscaling(name: BlockFormatName, element: ElementFormat): BlockFormat {
  return blockOf({ name, element, size: 32, scale: e8m0 });
}

/** The block formats of the catalogue. mxint8's elements are two's-complement integers in units of 2^-6. */
export const blockFormats: Readonly<Record<BlockFormatName, BlockFormat>> = Object.freeze({
  mxfp8e4m3: microscaling('mxfp8e4m3', named('e4m3fn')),
  mxfp8e5m2: microscaling('mxfp8e5m2', named('e5m2')),
  mxfp6e2m3: microscaling('mxfp6e2m3', named('e2m3')),
  mxfp6e3m2: microscaling('mxfp6e3m2', named('e3m2')),
  mxfp4: microscaling('mxfp4', named('e2m1')),
  mxint8: microscaling('mxint8', fixed({ integerBits: 1, fractionBits: 6 })),
  nvfp4: blockOf({
    name: 'nvfp4',
    element: named('e2m1'),
    size: 16,
    scale: named('e4m3fn'),
    tensorScale: named('binary32'),
  }),
});

/** The block format of a canonical name, `mxfp4` or `bfp(7,16)`; undefined if it names none. */
export function blockFormatByName(name: string): BlockFormat | undefined {
  if (Object.hasOwn(blockFormats, name)) return blockFormats[name as BlockFormatName];
  const call = /^bfp\((\d+),(\d+)(?:,(\d+))?\)$/.exec(name);
  if (call === null) return undefined;
  const [mantissaBits, size, exponentBits = 8] = call
    .slice(1)
    .map((part) => (part === undefined ? part : Number(part)));
  return bfp({ mantissaBits: mantissaBits!, block: size!, exponentBits });
}
