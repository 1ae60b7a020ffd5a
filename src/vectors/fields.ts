/**
 * What a line of test vectors is made of: fields of codes of a format, or of plain unsigned integers, and the fast way
 * between a code and its value. Codes above 32 bits are bigints, as everywhere.
 */
import type { Code, Format } from '../formats/format.ts';

/** One operand or result: `count` codes of `bits` bits. */
export interface Field {
  /** Its name, one word: the column of CSV, the field of JSON. */
  readonly name: string;
  /** What the codes are codes of; undefined for unsigned integers: random integers, truth values. */
  readonly format: Format | undefined;
  readonly bits: number;
  readonly count: number;
}

/** A field of codes of a format. */
export function codeField(name: string, format: Format, count = 1): Field {
  return { name, format, bits: format.bits, count };
}

/** How many codes the fields hold together. */
export function widthOf(fields: readonly Field[]): number {
  return fields.reduce((sum, { count }) => sum + count, 0);
}

/** The fields with one entry for each code: `a` of two codes is `a0`, `a1`. */
export function columnsOf(fields: readonly Field[]): Field[] {
  return fields.flatMap((field) =>
    field.count === 1
      ? [field]
      : Array.from({ length: field.count }, (_, i) => ({ ...field, name: `${field.name}${i}`, count: 1 })),
  );
}

/** Hexadecimal digits of a code. */
export function digitsOf(bits: number): number {
  return Math.ceil(bits / 4);
}

/** Codes and values of one format. */
interface Codec {
  decode(code: Code): number;
  /** For values of the format. */
  encode(value: number): Code;
  /** Whether the code is one of the format's values, NaN included where it has NaN. */
  has(code: Code): boolean;
}

const codecs = new WeakMap<Format, Codec>();

/** The codec of a format, made once: by table up to 16 bits, by the machine's own numbers for binary32 and binary64. */
export function codecOf(format: Format): Codec {
  let codec = codecs.get(format);
  if (codec === undefined) {
    codec = makeCodec(format);
    codecs.set(format, codec);
  }
  return codec;
}

const float64 = new Float64Array(1);
const bits64 = new BigUint64Array(float64.buffer);
const float32 = new Float32Array(1);
const bits32 = new Uint32Array(float32.buffer);

function makeCodec(format: Format): Codec {
  const has = (decode: Codec['decode']) => (code: Code) => format.hasNaN || !Number.isNaN(decode(code));
  if (format.bits <= 16) {
    const { decode, encode } = tables(format);
    return { decode, encode, has: has(decode) };
  }
  if (format.name === 'binary32')
    return {
      decode: (code) => {
        bits32[0] = code as number;
        return float32[0]!;
      },
      encode: (value) => {
        float32[0] = value;
        return Number.isNaN(value) ? 0x7fc00000 : bits32[0]!;
      },
      has: () => true,
    };
  if (format.name === 'binary64')
    return {
      decode: (code) => {
        bits64[0] = code as bigint;
        return float64[0]!;
      },
      encode: (value) => {
        float64[0] = value;
        return Number.isNaN(value) ? 0x7ff8000000000000n : bits64[0]!;
      },
      has: () => true,
    };
  return { decode: format.decode, encode: format.encode, has: has(format.decode) };
}

function tables(format: Format): Pick<Codec, 'decode' | 'encode'> {
  const values = Float64Array.from({ length: 2 ** format.bits }, (_, code) => format.decode(code));
  const codes = new Map<number, Code>();
  values.forEach((value, code) => {
    if (!Object.is(value, -0) && !Number.isNaN(value) && !codes.has(value)) codes.set(value, code);
  });
  const special = (value: number): Code => format.encode(value);
  return {
    decode: (code) => values[code as number]!,
    encode: (value) => (Object.is(value, -0) ? undefined : codes.get(value)) ?? special(value),
  };
}

/** Bits of a code that can be set in a value: without the padding that some float formats have. */
export function usedBits({ format, bits }: Pick<Field, 'format' | 'bits'>): number {
  return format?.kind === 'float'
    ? (format.isSigned ? 1 : 0) + format.exponentBits + format.mantissaBits
    : bits;
}
