/** Binary float formats, as users make them. */
import { resolveFloatParameters } from './float-checks.ts';
import { floatOf } from './float-format.ts';
import type { FloatParameters } from './float-parameters.ts';
import type { FloatFormat } from './format.ts';

/**
 * A binary float format.
 *
 * @example
 * float({ exponentBits: 5, mantissaBits: 10 }).name // 'binary16'
 * float({ exponentBits: 4, mantissaBits: 3, specials: 'fn' }).max // 448
 * float({ precision: 8, emin: -126, emax: 127 }).name // 'bfloat16'
 * float({ precision: 8, emin: -20, emax: 10 }).name // 'float(6,7,bias=21,emax=10)'
 *
 * @throws ArgumentError if a parameter is not accepted, or if the format does not fit in binary64: every value must
 *   be a binary64 value.
 */
export function float(parameters: FloatParameters): FloatFormat {
  return floatOf(resolveFloatParameters(parameters));
}
