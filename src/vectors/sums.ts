/** Operations of many terms: sums, inner products and norms with an accumulator model, and steps of matrix units. They have no flags. */

import { drawsOf } from '../arithmetic/accumulate/draws.ts';
import { accumulated, innerProduct, type Terms } from '../arithmetic/accumulate/inner-product.ts';
import { resolveAccumulator } from '../arithmetic/accumulate/model.ts';
import { roundRoot } from '../arithmetic/accumulate/running.ts';
import { findMatrixUnit, type MatrixUnit, matrixUnit } from '../arithmetic/matrix-unit/index.ts';
import { chainSteps, readOperands } from '../arithmetic/matrix-unit/matrix-unit.ts';
import { checkString, integerInRange, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { formats } from '../formats/catalogue.ts';
import type { Code, FloatFormat, Format } from '../formats/format.ts';
import { formatAt } from '../formats/names.ts';
import { type AccumulationOrder, drawingParts } from '../products/model.ts';
import { resolveRounding } from '../rounding/index.ts';
import { codecOf, codeField, type Field, widthOf } from './fields.ts';
import { nanCode } from './nan.ts';
import type { TestOperation } from './operation.ts';
import type { VectorOperation } from './operation-names.ts';
import { randomFields, roundingWords } from './scalar.ts';
import { commonOptions, type OperationOptions, roundingOf } from './vector-options.ts';

/** Most terms of a line. */
const mostTerms = 1024;

/** The values of `count` codes from a place on. */
function valuesAt(codes: readonly Code[], place: number, count: number, format: Format): Float64Array {
  const { decode } = codecOf(format);
  return Float64Array.from({ length: count }, (_, i) => decode(codes[place + i]!));
}

/** The answer of a single result without flags. */
function answerOf(
  value: number,
  codes: readonly Code[],
  operands: readonly Field[],
  format: Format,
  { nan, missingNaN }: Pick<ReturnType<typeof commonOptions>, 'nan' | 'missingNaN'>,
): ReturnType<TestOperation['answer']> {
  const code = Number.isNaN(value)
    ? nanCode(codes, operands, format, nan, missingNaN)
    : codecOf(format).encode(value);
  return code === undefined ? undefined : { results: [code], flags: 0 };
}

function orderWords(order: AccumulationOrder): string {
  if (typeof order !== 'object') return order;
  return `chunks of ${order.chunk}${order.sums === 'exact' ? ', summed exactly' : ''}`;
}

/** What is said of how terms are added. */
function modelWords({ products, accumulate, order }: Partial<OperationOptions>): string[] {
  return [
    ...(products === undefined ? [] : [`products ${products}`]),
    ...(accumulate === undefined ? [] : [`accumulated in ${String(accumulate)}`]),
    ...(order === undefined ? [] : [`order ${orderWords(order)}`]),
  ];
}

/** `dot`, `sum` or `norm` of so many terms. Throws ArgumentError. */
export function sumOperation(name: VectorOperation, given: Partial<OperationOptions>): TestOperation {
  const format = formatAt('format', given.format as Format);
  const common = commonOptions(given);
  const options = resolveRounding(format, roundingOf(given));
  const n = integerInRange('terms', given.terms, 1, mostTerms, 4);
  const { products, accumulate, order, accumulateRounding } = given;
  if (findMatrixUnit(accumulate) !== undefined)
    throw new ArgumentError('accumulate', accumulate, 'a format, or exact; matrix units have step and mma');
  const model = {
    ...resolveAccumulator(format, options, {
      ...(products === undefined ? {} : { products }),
      ...(accumulate === undefined ? {} : { accumulate }),
      ...(order === undefined ? {} : { order }),
      ...(accumulateRounding === undefined ? {} : { rounding: accumulateRounding }),
    }),
    ...(name === 'norm' ? { converts: true } : {}),
  };
  const isProduct = name !== 'sum';
  const drawing = drawingParts(model, isProduct);
  const terms =
    name === 'dot'
      ? [codeField('a', format, n), codeField('b', format, n), codeField('c', format)]
      : [codeField('x', format, n), ...(name === 'sum' ? [codeField('c', format)] : [])];
  // Parts may draw in stochastic modes that the arithmetic itself is not in.
  const random = randomFields({ ...options, rounding: 'stochastic' }, drawing.length * n);
  const operands = [...terms, ...random];
  const width = widthOf(terms);

  const termsOf = (codes: readonly Code[]): Terms => {
    const a = valuesAt(codes, 0, n, format);
    const start = name === 'norm' ? 0 : codecOf(format).decode(codes[width - 1]!);
    return { a, b: name === 'dot' ? valuesAt(codes, n, n, format) : name === 'norm' ? a : undefined, start };
  };

  return {
    name,
    title: [`${name} of ${n} terms ${format.name}`, roundingWords(options), ...modelWords(given)].join(', '),
    operands,
    results: [codeField('z', format)],
    hasFlags: false,
    nan: common.nan,
    answer: (codes) => {
      const integers = Uint32Array.from(codes.slice(width) as number[]);
      const draw = drawsOf({ ...options, random: integers }, drawing, n);
      const value =
        name === 'norm'
          ? roundRoot(accumulated(termsOf(codes), model, draw), model.conversion, draw('conversions', 0))
          : innerProduct(termsOf(codes), model, draw);
      return answerOf(value, codes, operands, format, common);
    },
    ...(name === 'norm'
      ? {}
      : {
          aim: (target, values) => {
            let sum = target;
            for (let i = 0; i < n; i++) sum -= name === 'dot' ? values[i]! * values[n + i]! : values[i]!;
            return { place: width - 1, value: sum };
          },
        }),
  };
}

/** The format of the register that holds numbers of a unit's format. */
function registerOf(format: FloatFormat): FloatFormat {
  return format.name === 'tf32' || format.bits > 19 ? formats.binary32 : format;
}

/** What a unit's result is read from: binary16, or a binary32 register. */
function resultRegister({ addend }: MatrixUnit): FloatFormat {
  return addend.name === 'binary16' ? addend : formats.binary32;
}

/**
 * One element of D = A B + C: `mma`, of a whole instruction, or `step`, of the products that the unit adds up at once.
 *
 * @throws ArgumentError for a unit that is none.
 */
export function unitOperation(name: VectorOperation, given: Partial<OperationOptions>): TestOperation {
  const unit =
    within('unit', () => findMatrixUnit(given.unit)) ?? matrixUnit(checkString('unit', given.unit));
  const common = commonOptions(given);
  const k = name === 'mma' ? unit.k : unit.group;
  const register = registerOf(unit.operands);
  const result = resultRegister(unit);
  const addend = registerOf(unit.addend);
  const { scales } = unit;
  const perRow = scales === undefined ? 0 : k / scales.size;
  const operands = [
    codeField('a', register, k),
    codeField('b', register, k),
    codeField('c', addend),
    ...(scales === undefined
      ? []
      : [codeField('sa', scales.format, perRow), codeField('sb', scales.format, perRow)]),
  ];
  return {
    name,
    title: `${name} ${unit.name}: ${k} products`,
    operands,
    results: [codeField('d', result)],
    hasFlags: false,
    nan: common.nan,
    answer: (codes) => {
      const at = (place: number, count: number, format: Format): Float64Array =>
        valuesAt(codes, place, count, format);
      const read = (argument: string, place: number): Float64Array =>
        readOperands(unit, argument, at(place, k, register)) as Float64Array;
      const value = chainSteps(unit, codecOf(addend).decode(codes[2 * k]!), {
        a: read('a', 0),
        b: read('b', k),
        scalesA: scales === undefined ? new Float64Array(0) : at(2 * k + 1, perRow, scales.format),
        scalesB: scales === undefined ? new Float64Array(0) : at(2 * k + 1 + perRow, perRow, scales.format),
      });
      return answerOf(value, codes, operands, result, common);
    },
    aim: (target, values) => {
      let sum = target;
      for (let i = 0; i < k; i++) sum -= values[i]! * values[k + i]!;
      return { place: 2 * k, value: sum };
    },
  };
}
