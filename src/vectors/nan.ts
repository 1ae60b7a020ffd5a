/**
 * NaN by its bits, which numbers do not carry: signalling operands, and which NaN a result may be. IEEE 754-2019 sections 6.2.1 (quiet
 * bit) and 6.2.3 (a result should have the payload of an operand). Formats other than IEEE 754's have one NaN, which is quiet.
 */
import type { Code, FloatFormat, Format } from '../formats/format.ts';
import { codecOf, type Field } from './fields.ts';

/** Which NaN counts as right: any; the format's one canonical pattern; the payload of a NaN operand, quiet. */
export const nanRules = ['any', 'canonical', 'payload'] as const;
export type NaNRule = (typeof nanRules)[number];

/** What stands for a result of NaN in a format without NaN: nothing (the case is left out), 0 or the largest number. */
export const missingNaNs = ['skip', 'zero', 'max'] as const;
export type MissingNaN = (typeof missingNaNs)[number];

/** Whether a format's NaNs have a quiet bit and a payload. */
function hasPayload(format: Format | undefined): format is FloatFormat {
  return format?.kind === 'float' && format.specials === 'ieee' && format.mantissaBits >= 2;
}

/** Whether a code is a NaN with a payload: not one of those beyond a lowered `emax`. */
function isPayloadNaN(code: Code, { format }: Field): boolean {
  if (!hasPayload(format) || !Number.isNaN(codecOf(format).decode(code))) return false;
  const top = (1n << BigInt(format.exponentBits)) - 1n;
  return ((BigInt(code) >> BigInt(format.mantissaBits)) & top) === top;
}

/** Whether a code is a signalling NaN. */
export function isSignalling(code: Code, field: Field): boolean {
  const { format } = field;
  if (!hasPayload(format) || !isPayloadNaN(code, field)) return false;
  return ((BigInt(code) >> BigInt(format.mantissaBits - 1)) & 1n) === 0n;
}

interface Pattern {
  readonly negative: boolean;
  /** The significand field below the quiet bit, as a fraction of 2^(mantissaBits - 1): bits and their number. */
  readonly payload: bigint;
  readonly width: number;
}

function patternOf(code: Code, { mantissaBits, exponentBits }: FloatFormat): Pattern {
  const whole = BigInt(code);
  const width = mantissaBits - 1;
  return {
    negative: ((whole >> BigInt(mantissaBits + exponentBits)) & 1n) === 1n,
    payload: whole & ((1n << BigInt(width)) - 1n),
    width,
  };
}

/** The quiet NaN of a format with that sign and payload, cut or filled up at its low end. */
function quiet({ negative, payload, width }: Pattern, format: FloatFormat): bigint {
  const { mantissaBits, exponentBits } = format;
  const shift = BigInt(mantissaBits - 1 - width);
  const fitted = shift >= 0n ? payload << shift : payload >> -shift;
  const exponent = (1n << BigInt(exponentBits)) - 1n;
  const sign = negative ? 1n << BigInt(mantissaBits + exponentBits) : 0n;
  return sign | (exponent << BigInt(mantissaBits)) | (1n << BigInt(mantissaBits - 1)) | fitted;
}

/** The quiet NaNs that the NaN operands hand on to a result. */
function inherited(operands: readonly Code[], columns: readonly Field[], target: Format): bigint[] {
  if (!hasPayload(target)) return [];
  return columns.flatMap((field, i) =>
    hasPayload(field.format) && isPayloadNaN(operands[i]!, field)
      ? [quiet(patternOf(operands[i]!, field.format), target)]
      : [],
  );
}

/** The code of a NaN result; undefined where the format has none and such cases are left out. */
export function nanCode(
  operands: readonly Code[],
  columns: readonly Field[],
  target: Format,
  rule: NaNRule,
  missing: MissingNaN,
): Code | undefined {
  const { encode } = codecOf(target);
  if (!target.hasNaN) {
    if (missing === 'max') return encode(target.max);
    return missing === 'zero' && target.has(0) ? encode(0) : undefined;
  }
  const [first] = rule === 'payload' ? inherited(operands, columns, target) : [];
  if (first === undefined) return encode(NaN);
  return target.bits <= 32 ? Number(first) : first;
}

/**
 * Whether a code will do for a result of NaN. The sign of a NaN means nothing, but in the canonical pattern.
 *
 * @param isNew Whether the operation makes a NaN of its other operands too (0 times infinity, plus NaN): both will do then.
 */
export function isRightNaN(
  code: Code,
  operands: readonly Code[],
  columns: readonly Field[],
  target: Format,
  rule: NaNRule,
  isNew: boolean,
): boolean {
  if (!Number.isNaN(codecOf(target).decode(code))) return false;
  if (rule === 'any') return true;
  const canonical = BigInt(codecOf(target).encode(NaN));
  if (rule === 'canonical' || !hasPayload(target)) return BigInt(code) === canonical;
  const unsigned = (pattern: bigint): bigint =>
    BigInt.asUintN(target.mantissaBits + target.exponentBits, pattern);
  const right = inherited(operands, columns, target);
  return (right.length > 0 && !isNew ? right : [...right, canonical]).some(
    (pattern) => unsigned(pattern) === unsigned(BigInt(code)),
  );
}
