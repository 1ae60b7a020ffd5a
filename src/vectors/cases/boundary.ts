/**
 * Codes at which arithmetic breaks: the ends of exponents and significands, single bits and runs of bits, 0, 1, the ends of the
 * range. The idea is that of Berkeley TestFloat's levels: level 1 has the few, level 2 many.
 */
import type { Code, FloatFormat } from '../../formats/format.ts';
import { codecOf, type Field, usedBits } from '../fields.ts';

export type Richness = 'few' | 'some' | 'many';

/** Exponent fields by how many of them are wanted: both ends, and around 1 at distances that shift significands apart. */
function exponentFields(format: FloatFormat, richness: Richness): number[] {
  const top = 2 ** format.exponentBits - 1;
  const { bias, mantissaBits: m } = format;
  const few = [0, 1, bias, top - 1, top];
  const some = [...few, 2, bias - m - 2, bias - m - 1, bias - 1, bias + 1, bias + m, top - 2];
  const many = [
    ...some,
    3,
    m,
    m + 1,
    bias >> 1,
    bias - m,
    bias - 2,
    bias + 2,
    bias + m + 1,
    bias + m + 2,
    top - 3,
    top - m,
  ];
  const wanted = { few, some, many }[richness];
  return [...new Set(wanted)].filter((field) => field >= 0 && field <= top);
}

/** Significand fields: none, one or all bits set; single bits; runs of ones from either end. */
function significandFields(width: number, richness: Richness): bigint[] {
  const all = (1n << BigInt(width)) - 1n;
  const half = width > 0 ? 1n << BigInt(width - 1) : 0n;
  const fields = new Set([0n, 1n, all]);
  if (richness !== 'few')
    for (const field of [half, half - 1n, half + 1n, all - 1n, 2n, 3n]) fields.add(field);
  if (richness === 'many')
    for (let i = 0n; i < width; i++) {
      fields.add(1n << i);
      fields.add(all ^ (1n << i));
      fields.add((1n << i) - 1n);
      fields.add(all ^ ((1n << i) - 1n));
    }
  return [...fields].filter((field) => field >= 0n && field <= all);
}

function floatCodes(format: FloatFormat, richness: Richness): bigint[] {
  const { exponentBits, mantissaBits, isSigned } = format;
  const codes: bigint[] = [];
  for (const sign of isSigned ? [0n, 1n] : [0n])
    for (const exponent of exponentFields(format, richness))
      for (const significand of significandFields(mantissaBits, richness))
        codes.push(
          (((sign << BigInt(exponentBits)) | BigInt(exponent)) << BigInt(mantissaBits)) | significand,
        );
  return codes;
}

/** Codes of other formats, and random integers: near powers of two, from both ends. */
function integerCodes(width: number, richness: Richness): bigint[] {
  const all = (1n << BigInt(width)) - 1n;
  const top = 1n << BigInt(width - 1);
  const codes = [0n, 1n, top - 1n, top, top + 1n, all];
  if (richness !== 'few')
    for (let i = 1n; i < width; i += richness === 'some' ? BigInt(Math.max(1, Math.floor(width / 8))) : 1n)
      codes.push(1n << i, (1n << i) - 1n, all ^ (1n << i), all ^ ((1n << i) - 1n), (1n << i) + 1n);
  return codes.filter((code) => code >= 0n && code <= all);
}

/** The format's own landmarks: 0, 1, the ends of the range. */
function landmarks({ format }: Field): bigint[] {
  if (format === undefined || format.kind === 'float') return [];
  return [0, 1, -1, format.min, format.max]
    .filter((value) => format.has(value))
    .map((value) => BigInt(codecOf(format).encode(value)));
}

/** The code in the carrier of its field. */
export function carried(code: bigint, { bits }: Pick<Field, 'bits'>): Code {
  return bits <= 32 ? Number(code) : code;
}

/** Whether a code stands for something: a code of the format, or any integer. */
export function isCode(code: Code, { format }: Field): boolean {
  return format === undefined || codecOf(format).has(code);
}

/** Boundary codes of a field, each once; all codes where there are hardly more. */
export function boundaryCodes(field: Field, richness: Richness): Code[] {
  const width = usedBits(field);
  const most = { few: 4, some: 5, many: 8 }[richness];
  const codes =
    width <= most
      ? Array.from({ length: 2 ** width }, (_, code) => BigInt(code))
      : field.format?.kind === 'float'
        ? floatCodes(field.format, richness)
        : [...integerCodes(width, richness), ...landmarks(field)];
  return [...new Set(codes)].map((code) => carried(code, field)).filter((code) => isCode(code, field));
}
