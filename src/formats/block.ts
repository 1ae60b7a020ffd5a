/**
 * Block formats: a block of elements in a narrow format shares one scale, and in some a whole tensor shares a second one.
 * This file says which numbers they hold; finding scales and rounding to them is the matter of the quantisers.
 *
 * Sources: OCP Microscaling Formats (MX) v1.0, sections 5 and 6; NVIDIA, "Pretraining large language models with NVFP4",
 * arXiv 2509.25149, section 2 (nvfp4); Darvish Rouhani et al., "Pushing the limits of narrow precision inferencing at cloud
 * scale with Microsoft Floating Point", NeurIPS 2020 (block floating point).
 */
import { ArgumentError } from '../errors.ts';
import { fixed } from './fixed.ts';
import { float } from './float.ts';
import { floatCatalogue } from './float-parameters.ts';
import type { Code, FixedFormat, FloatFormat, IntFormat } from './format.ts';

type ElementFormat = FloatFormat | IntFormat | FixedFormat;

export interface BlockParameters {
  /** Canonical name. */
  readonly name: string;
  readonly element: ElementFormat;
  /** Elements that share a scale: an integer from 1. */
  readonly size: number;
  readonly scale: FloatFormat;
  /** Format of the scale of the whole tensor, where there is one. */
  readonly tensorScale?: FloatFormat;
}

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
  decode(scale: Code, elements: ArrayLike<Code>, tensorScale?: number): Float64Array;
  toString(): string;
  toJSON(): string;
}

/**
 * A block format.
 *
 * @example
 * block({ name: 'mxfp4', element: formats.e2m1, size: 32, scale: formats.e8m0 }).bitsPerElement // 4.25
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function block({ name, element, size, scale, tensorScale }: BlockParameters): BlockFormat {
  if (typeof name !== 'string' || name === '')
    throw new ArgumentError('name', name, 'a text that is not empty');
  if (!Number.isSafeInteger(size) || size < 1) throw new ArgumentError('size', size, 'an integer from 1');
  if (element.bits > 32) throw new ArgumentError('element', element.name, 'a format of at most 32 bits');
  if (scale.kind !== 'float') throw new ArgumentError('scale', String(scale), 'a float format');

  function decode(scaleCode: Code, elements: ArrayLike<Code>, factor = 1): Float64Array {
    if (elements.length > size) throw new ArgumentError('elements', elements, `at most ${size} codes`);
    const shared = scale.decode(scaleCode);
    return Float64Array.from(
      { length: elements.length },
      (_, i) => element.decode(elements[i]!) * shared * factor,
    );
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

/**
 * Block floating point: signed magnitudes M 2^(1 - mantissaBits) below 2, and a shared power of two with bias
 * 2^(exponentBits - 1) - 1.
 *
 * @example
 * bfp({ mantissaBits: 7, block: 16 }).name // 'bfp(7,16)'
 *
 * @throws ArgumentError if a parameter is not accepted.
 */
export function bfp({
  mantissaBits,
  block: size,
  exponentBits = 8,
}: BlockFloatingPointParameters): BlockFormat {
  if (!Number.isInteger(mantissaBits) || mantissaBits < 1 || mantissaBits > 23)
    throw new ArgumentError('mantissaBits', mantissaBits, 'an integer from 1 to 23');
  if (!Number.isInteger(exponentBits) || exponentBits < 2 || exponentBits > 8)
    throw new ArgumentError('exponentBits', exponentBits, 'an integer from 2 to 8');
  return block({
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

const e8m0 = float(floatCatalogue.e8m0);

function microscaling(name: BlockFormatName, element: ElementFormat): BlockFormat {
  return block({ name, element, size: 32, scale: e8m0 });
}

/** The block formats of the catalogue. mxint8's elements are two's-complement integers in units of 2^-6. */
export const blockFormats: Readonly<Record<BlockFormatName, BlockFormat>> = Object.freeze({
  mxfp8e4m3: microscaling('mxfp8e4m3', float(floatCatalogue.e4m3fn)),
  mxfp8e5m2: microscaling('mxfp8e5m2', float(floatCatalogue.e5m2)),
  mxfp6e2m3: microscaling('mxfp6e2m3', float(floatCatalogue.e2m3)),
  mxfp6e3m2: microscaling('mxfp6e3m2', float(floatCatalogue.e3m2)),
  mxfp4: microscaling('mxfp4', float(floatCatalogue.e2m1)),
  mxint8: microscaling('mxint8', fixed({ integerBits: 1, fractionBits: 6 })),
  nvfp4: block({
    name: 'nvfp4',
    element: float(floatCatalogue.e2m1),
    size: 16,
    scale: float(floatCatalogue.e4m3fn),
    tensorScale: float(floatCatalogue.binary32),
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
