/**
 * The parameters of a binary float format, their defaults, the canonical name, and the catalogue's float entries as plain
 * data. What is accepted is the matter of `float-checks.ts`.
 *
 * Sources of the constants: IEEE 754-2019 section 3.6 (binary16/32/64); OCP 8-bit Floating Point Specification v1.0
 * (e5m2, e4m3fn); OCP Microscaling Formats v1.0 section 5 (e2m3, e3m2, e2m1, e8m0); IEEE P3109 report v4.0
 * (binary{K}p{P}); Graphcore/AMD 8-bit formats (fnuz); DLFloat (Agrawal et al., ARITH 2019) for dlfloat16.
 */
import type { Specials, SubnormalEncoding } from './format.ts';

/** What a float has however its width is said. */
interface CommonParameters {
  /** Default `'ieee'`. */
  readonly specials?: Specials;
  /** Default true. */
  readonly subnormals?: SubnormalEncoding;
  /** Default true. */
  readonly signed?: boolean;
  /** Whether the all-zero code is zero; false makes it the smallest number, as in e8m0. Default true. */
  readonly zero?: boolean;
  /** P3109 only. Default `'extended'`. */
  readonly domain?: 'extended' | 'finite';
  /** Width of a code where it is wider than its fields; the bits above are 0 (ue4m3). */
  readonly bits?: number;
}

/** A float by the widths of its fields. */
export interface FieldParameters extends CommonParameters {
  /** 0 to 11, or Infinity for an unbounded exponent. */
  readonly exponentBits: number;
  /** 0 to 52. */
  readonly mantissaBits: number;
  /** Default 2^(exponentBits - 1) - 1; P3109: 2^(exponentBits - 1). */
  readonly bias?: number;
  /** Exponent of the largest numbers where it is below what the field could hold; the codes between are NaN. */
  readonly emax?: number;
}

/** A float by its limits, as chop, CPFloat and MPFR say them; its codes have the narrowest field that holds them. */
export interface LimitParameters extends Omit<CommonParameters, 'domain' | 'zero' | 'bits'> {
  /** Significant bits, the hidden one included: 1 to 53. */
  readonly precision: number;
  /** Exponent of the smallest normal number: minNormal = 2^emin. */
  readonly emin: number;
  /** Exponent of the largest finite numbers, which are below 2^(emax + 1). */
  readonly emax: number;
}

export type FloatParameters = FieldParameters | LimitParameters;

/** `emax` is undefined where it is what the exponent field gives. */
export type ResolvedFloatParameters = Required<Omit<FieldParameters, 'emax'>> & {
  readonly emax: number | undefined;
};

export type FloatCatalogueName =
  | 'binary16'
  | 'binary32'
  | 'binary64'
  | 'bfloat16'
  | 'tf32'
  | 'dlfloat16'
  | 'fp24'
  | 'pxr24'
  | 'e5m2'
  | 'e4m3'
  | 'e4m3fn'
  | 'e3m4'
  | 'e4m3fnuz'
  | 'e5m2fnuz'
  | 'e4m3b11fnuz'
  | 'e2m3'
  | 'e3m2'
  | 'e2m1'
  | 'e8m0'
  | 'ue5m3'
  | 'ue4m3';

/** The catalogue's floats. P3109 formats are named by rule instead, see `p3109Name`. */
export const floatCatalogue: Readonly<Record<FloatCatalogueName, FieldParameters>> = {
  binary16: { exponentBits: 5, mantissaBits: 10 },
  binary32: { exponentBits: 8, mantissaBits: 23 },
  binary64: { exponentBits: 11, mantissaBits: 52 },
  bfloat16: { exponentBits: 8, mantissaBits: 7 },
  tf32: { exponentBits: 8, mantissaBits: 10 },
  dlfloat16: { exponentBits: 6, mantissaBits: 9, bias: 31, specials: 'fn', subnormals: 'normal' },
  fp24: { exponentBits: 7, mantissaBits: 16 },
  pxr24: { exponentBits: 8, mantissaBits: 15 },
  e5m2: { exponentBits: 5, mantissaBits: 2 },
  e4m3: { exponentBits: 4, mantissaBits: 3 },
  e4m3fn: { exponentBits: 4, mantissaBits: 3, specials: 'fn' },
  e3m4: { exponentBits: 3, mantissaBits: 4 },
  e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, specials: 'fnuz' },
  e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, specials: 'fnuz' },
  e4m3b11fnuz: { exponentBits: 4, mantissaBits: 3, bias: 11, specials: 'fnuz' },
  e2m3: { exponentBits: 2, mantissaBits: 3, specials: 'finite' },
  e3m2: { exponentBits: 3, mantissaBits: 2, specials: 'finite' },
  e2m1: { exponentBits: 2, mantissaBits: 1, specials: 'finite' },
  e8m0: {
    exponentBits: 8,
    mantissaBits: 0,
    bias: 127,
    specials: 'fn',
    subnormals: 'normal',
    signed: false,
    zero: false,
  },
  ue5m3: { exponentBits: 5, mantissaBits: 3, specials: 'fn', signed: false },
  ue4m3: { exponentBits: 4, mantissaBits: 3, specials: 'fn', signed: false, bits: 8 },
};

/** The bias that is meant where none is given. */
export function defaultBias(exponentBits: number, specials: Specials): number {
  if (exponentBits === 0 || exponentBits === Infinity) return 0;
  return 2 ** (exponentBits - 1) - (specials === 'p3109' ? 0 : 1);
}

/** The bits of a code's fields. */
export function fieldBits({
  signed = true,
  exponentBits,
  mantissaBits,
}: Pick<FieldParameters, 'signed' | 'exponentBits' | 'mantissaBits'>): number {
  return (signed ? 1 : 0) + exponentBits + mantissaBits;
}

/** Parameters that are accepted, with every default filled in. */
export function withDefaults(given: FieldParameters): ResolvedFloatParameters {
  const { exponentBits, specials = 'ieee' } = given;
  const defaults = { specials, subnormals: true, signed: true, zero: true, domain: 'extended' } as const;
  const widths = { bias: defaultBias(exponentBits, specials), bits: fieldBits(given), emax: undefined };
  return { ...defaults, ...widths, ...given };
}

function p3109Name(p: ResolvedFloatParameters): string | undefined {
  if (p.specials !== 'p3109' || p.bias !== defaultBias(p.exponentBits, 'p3109')) return undefined;
  if (p.bits < 3 || p.bits > 15) return undefined;
  return `binary${p.bits}p${p.mantissaBits + 1}${p.signed ? 's' : 'u'}${p.domain === 'finite' ? 'f' : 'e'}`;
}

function spelledName(p: ResolvedFloatParameters): string {
  const parts = [`${p.exponentBits}`, `${p.mantissaBits}`];
  if (p.specials !== 'ieee') parts.push(p.specials);
  if (p.domain === 'finite') parts.push('domain=finite');
  if (!p.signed) parts.push('unsigned');
  if (p.subnormals !== true) parts.push(`subnormals=${p.subnormals}`);
  if (!p.zero) parts.push('zero=false');
  if (p.bits !== fieldBits(p)) parts.push(`bits=${p.bits}`);
  if (p.emax !== undefined) parts.push(`emax=${p.emax}`);
  if (parts.length > 2 || p.bias !== defaultBias(p.exponentBits, p.specials))
    parts.splice(2, 0, `bias=${p.bias}`);
  return `float(${parts.join(',')})`;
}

const catalogueNames: ReadonlyMap<string, string> = new Map(
  Object.entries(floatCatalogue).map(([name, given]) => [spelledName(withDefaults(given)), name]),
);

/** The catalogue's name where there is one, else `float(4,3,bias=7,fn)` and the like. */
export function floatName(p: ResolvedFloatParameters): string {
  const spelled = spelledName(p);
  return catalogueNames.get(spelled) ?? p3109Name(p) ?? spelled;
}
