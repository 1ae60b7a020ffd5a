/** What is accepted as the parameters of a binary float format, by its fields or by its limits. */
import { checkBoolean, checkFields, integerInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import {
  defaultBias,
  type FieldParameters,
  type FloatParameters,
  fieldBits,
  type LimitParameters,
  type ResolvedFloatParameters,
} from './float-parameters.ts';
import type { Specials } from './format.ts';

const specialsAccepted: readonly Specials[] = ['ieee', 'fn', 'fnuz', 'finite', 'p3109'];

const parameterNames: readonly (keyof FieldParameters)[] = [
  ...(['exponentBits', 'mantissaBits', 'bias', 'emax', 'specials', 'subnormals', 'signed', 'zero'] as const),
  ...(['domain', 'bits'] as const),
];
const limitNames: readonly (keyof LimitParameters)[] = [
  ...(['precision', 'emin', 'emax', 'specials', 'subnormals', 'signed'] as const),
];

/** The largest exponent field of a finite number. */
function topField(exponentBits: number, mantissaBits: number, specials: Specials): number {
  const allOnes = 2 ** exponentBits - 1;
  // IEEE's infinities and NaNs take the whole field, the one NaN of fn and P3109 only if there is nothing else in it.
  return specials === 'ieee' || (specials === 'fn' && mantissaBits === 0) ? allOnes - 1 : allOnes;
}

/** The parameters of a float by its fields, from its limits. */
function fieldsOfLimits(parameters: LimitParameters): FieldParameters {
  const given = checkFields('', parameters, limitNames, 'parameters');
  const precision = integerInRange('precision', given.precision, 1, 53);
  const emin = integerInRange('emin', given.emin, -1074, 1023);
  const emax = integerInRange('emax', given.emax, emin, 1023);
  const specials = oneOf('specials', given.specials, ['ieee', 'fn', 'fnuz', 'finite'], 'ieee');
  const subnormals = oneOf('subnormals', given.subnormals, [true, false, 'normal'], true);
  const mantissaBits = precision - 1;
  const bias = (subnormals === 'normal' ? 0 : 1) - emin;
  let exponentBits = 1;
  while (exponentBits < 11 && topField(exponentBits, mantissaBits, specials) < emax + bias) exponentBits++;
  const top = topField(exponentBits, mantissaBits, specials) - bias;
  if (top < emax)
    throw new ArgumentError('emax', emax, `at most emin + ${top - emin}: the field has 11 bits`);
  return {
    exponentBits,
    mantissaBits,
    bias,
    specials,
    subnormals,
    ...(emax === top ? {} : { emax }),
    ...(given.signed === undefined ? {} : { signed: given.signed }),
  };
}

/** `emax` where it is less than the field could hold. Throws ArgumentError. */
function resolveLargest(
  given: number | undefined,
  { exponentBits, mantissaBits, bias, specials, subnormals }: Omit<ResolvedFloatParameters, 'emax' | 'bits'>,
): number | undefined {
  if (given === undefined) return undefined;
  if (exponentBits === 0 || exponentBits === Infinity || specials === 'p3109')
    throw new ArgumentError(
      'emax',
      given,
      `nothing with ${specials === 'p3109' ? 'P3109 formats' : `exponentBits ${exponentBits}`}`,
    );
  const top = topField(exponentBits, mantissaBits, specials) - bias;
  const emax = integerInRange('emax', given, (subnormals === 'normal' ? 0 : 1) - bias, top);
  return emax === top ? undefined : emax;
}

/** Fills in defaults and checks each parameter by itself. Throws ArgumentError. */
export function resolveFloatParameters(parameters: FloatParameters): ResolvedFloatParameters {
  const limits = parameters as Partial<LimitParameters> | null | undefined;
  const isByLimits = limits?.precision !== undefined || limits?.emin !== undefined;
  const widths = isByLimits ? fieldsOfLimits(parameters as LimitParameters) : (parameters as FieldParameters);
  const given = checkFields('', widths, parameterNames, 'parameters');
  const exponentBits =
    given.exponentBits === Infinity ? Infinity : integerInRange('exponentBits', given.exponentBits, 0, 11);
  const mantissaBits = integerInRange('mantissaBits', given.mantissaBits, 0, 52);
  if (exponentBits + mantissaBits === 0)
    throw new ArgumentError('exponentBits', 0, 'at least 1 when mantissaBits is 0');
  const specials = oneOf('specials', given.specials, specialsAccepted, 'ieee');
  const subnormals = oneOf('subnormals', given.subnormals, [true, false, 'normal'], true);
  const signed = checkBoolean('signed', given.signed, true);
  const zero = checkBoolean('zero', given.zero, true);
  const domain = oneOf('domain', given.domain, ['extended', 'finite'], 'extended');
  if (domain === 'finite' && specials !== 'p3109')
    throw new ArgumentError('domain', domain, "extended, unless specials is 'p3109'");
  if (exponentBits === 0 && (specials === 'ieee' || specials === 'p3109'))
    throw new ArgumentError('exponentBits', 0, `at least 1 with specials '${specials}'`);
  if (specials === 'fnuz' && !signed)
    throw new ArgumentError('signed', signed, "true with specials 'fnuz' (its NaN is the negative zero)");
  if (!zero && (signed || subnormals !== 'normal'))
    throw new ArgumentError('zero', zero, "true, unless signed is false and subnormals is 'normal'");
  if (exponentBits === 0 && subnormals !== true)
    throw new ArgumentError('subnormals', subnormals, 'true when exponentBits is 0');
  if (specials === 'p3109' && subnormals !== true)
    throw new ArgumentError('subnormals', subnormals, "true with specials 'p3109'");
  const bias = integerInRange('bias', given.bias, -2000, 2000, defaultBias(exponentBits, specials));
  if (exponentBits === Infinity && given.bias !== undefined && given.bias !== 0)
    throw new ArgumentError('bias', given.bias, 'nothing when exponentBits is Infinity');
  const fields = fieldBits({ signed, exponentBits, mantissaBits });
  const bits = fields === Infinity ? Infinity : integerInRange('bits', given.bits, fields, 64, fields);
  if (bits !== fields && specials === 'p3109')
    throw new ArgumentError('bits', bits, `${fields} with specials 'p3109'`);
  const resolved = { exponentBits, mantissaBits, bias, specials, subnormals, signed, zero, domain };
  return { ...resolved, bits, emax: resolveLargest(given.emax, resolved) };
}
