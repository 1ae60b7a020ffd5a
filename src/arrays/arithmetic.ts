/** `arithmetic` as users call it: numbers, flat arrays and shaped ones. */
import type {
  ArithmeticOptions,
  Flags,
  Arithmetic as FlatArithmetic,
  FormatOfArithmetic,
  FormatOfOptions,
} from '../arithmetic/index.ts';
import { checkAbsent, checkBoolean, checkFields, integerInRange, oneOf } from '../check.ts';
import type { CompileOptions } from '../expressions/index.ts';
import type { Format } from '../formats/format.ts';
import type { FormatArgument, FormatSpelling } from '../formats/names.ts';
import { arithmetic as flatArithmetic } from '../operations/arithmetic.ts';
import { type EntryOptions, enter } from './entry.ts';
import { expressionOf, readTemplate } from './expression.ts';
import { defineMethods } from './methods.ts';
import { type Arithmetic, type ShapedArray, shaped } from './shaped-array.ts';

/**
 * Operations on operands of formats of their own, rounded once to the format of results: the formatOf operations of IEEE 754-2019,
 * section 5.4.1. They take numbers and flat arrays.
 *
 * @param formats `operands`: the formats of a, b and c; `result`; and the options as above, but `operands: 'round'`.
 *
 * @example
 * const mixed = arithmetic({ operands: ['e4m3fn', 'e4m3fn', 'binary32'], result: 'bfloat16', rounding: 'toward-zero' });
 * mixed.fma(448, 448, 1) // 200704
 */
export function arithmetic<const F extends FormatSpelling>(
  formats: FormatOfOptions<F> & { readonly flags: true },
): FormatOfArithmetic & { readonly flags: Readonly<Flags> };
export function arithmetic<const F extends FormatSpelling>(formats: FormatOfOptions<F>): FormatOfArithmetic;
/**
 * Operations in a number format, correctly rounded in every mode: each result is as if computed exactly and rounded once.
 *
 * The methods take numbers, arrays of one kind (Float32Array or Float64Array) and length, or numbers against arrays; the result
 * is a number, or an array of that kind. Arrays of numbers count as Float64Arrays, Float16Arrays as Float32Arrays unless all are such, which
 * give a Float16Array for formats within binary16. `array` makes shaped arrays, whose methods the operations are. Operands must be values of the format, or NaN. The options hold for every call, the
 * seed, `offset` and supplied `random` included: the object owns a cursor that moves on by the draw slots of a call, one an
 * element in the element-wise operations. What the operations give for zeros, infinities and NaN: `docs/arithmetic.md`.
 *
 * @param format A format or its name.
 * @param options Mode, saturation, subnormals and random bits as for `round`; `operands`, `flags`, `threads`: see
 *   `ArithmeticOptions`.
 * @throws ArgumentError for an unknown format or option. The methods throw it for operands that are not numbers or such arrays,
 *   do not match, or are not in the format (it names the operand and the value), for an `out` that does not fit, and if the
 *   supplied random integers run out.
 *
 * @example
 * const e4m3 = arithmetic('e4m3fn', { rounding: 'toward-zero', saturation: 'finite' });
 * e4m3.add(1, 0.109375) // 1, since the next number up is 1.125
 * e4m3.mul(new Float32Array([16, 448]), 2) // Float32Array [32, 448]
 * e4m3.array([[1, 2], [3, 4]]).sum(0) // [4, 6]
 */
export function arithmetic<const F extends FormatSpelling>(
  format: FormatArgument<F>,
  options: ArithmeticOptions & { readonly flags: true },
): Arithmetic & { readonly flags: Readonly<Flags> };
export function arithmetic<const F extends FormatSpelling>(
  format: FormatArgument<F>,
  options?: ArithmeticOptions,
): Arithmetic;
export function arithmetic(
  given: Format | FormatSpelling | FormatOfOptions,
  options?: ArithmeticOptions,
): Arithmetic | FormatOfArithmetic {
  const isFormatOf =
    typeof given === 'object' && given !== null && ('operands' in given || 'result' in given);
  if (!isFormatOf) return withShapes(flatArithmetic(given as Format | FormatSpelling, options));
  checkAbsent('options', options, 'nothing beside the formats, which have them');
  return flatArithmetic(given as FormatOfOptions);
}

/** The object with what makes shaped arrays. */
function withShapes(flat: FlatArithmetic): Arithmetic {
  defineMethods(arithmetic);
  const array: Arithmetic['array'] = (values, shape, given) => {
    const { operands, copy } = checkFields<EntryOptions>('', given, ['operands', 'copy']);
    const entry = {
      operands: oneOf('operands', operands, ['round', 'error'], 'round'),
      copy: checkBoolean('copy', copy, true),
    };
    return shaped(whole, enter('values', values, shape, flat, entry));
  };
  const identity = (n: number): ShapedArray => {
    const size = integerInRange('n', n, 0, 65535);
    return array(
      Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0)),
      [size, size],
    );
  };
  const compile = (text: unknown, ...given: readonly unknown[]): unknown => {
    if (!Array.isArray(text)) return expressionOf(whole, text, given[0] as CompileOptions, new Map());
    const template = readTemplate(text, given);
    return expressionOf(whole, template.text, undefined, template.fixed);
  };
  // The getters among the methods stay getters.
  const descriptors = { ...Object.getOwnPropertyDescriptors(flat) };
  const own = Object.getOwnPropertyDescriptors({ array, identity, compile });
  const whole: Arithmetic = Object.freeze(Object.create(Object.prototype, { ...descriptors, ...own }));
  return whole;
}
