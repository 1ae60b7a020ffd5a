/**
 * `halfulp/mathjs`: mathjs in simulated precision. The scalar operations of an instance are those of `arithmetic`, and all that mathjs
 * builds on them (expressions, matrices, solvers, decompositions, statistics) follows; what does not follow by itself is made anew
 * in this folder. Here the parts are put together.
 */
import { all, type ConfigOptions, create, type FactoryFunctionMap, type MathJsInstance } from 'mathjs';
import { type Arithmetic, type ArithmeticOptions, createArithmetic } from '../arithmetic/arithmetic.ts';
import { checkBoolean, checkFields, integerInRange, numberInRange, oneOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { FormatArgument, FormatSpelling } from '../formats/names.ts';
import { dropsHighBits, roundingNames } from '../rounding/options.ts';
import { complexSignatures } from './complex.ts';
import {
  type AnyFunction,
  changed,
  type Factories,
  type Factory,
  givenOther,
  needing,
  type Signatures,
  type Typed,
  type TypedFunction,
  withNames,
} from './factories.ts';
import { rangeInExpressions, replacements } from './functions.ts';
import { guard } from './guard.ts';
import { integerSignatures } from './integers.ts';
import { nodeFactories, settlingParser } from './nodes.ts';
import { numberSignatures } from './numbers.ts';
import { type Rounder, rounderOf } from './rounder.ts';
import { Settler, type Treatment, treatedFunction, treating } from './settle.ts';

/** A mathjs instance with the arithmetic that it computes in. */
export type Mathematics = MathJsInstance & { readonly arithmetic: Arithmetic };

type Named = Record<string, AnyFunction>;

/** What a unit computes with: mathjs' own functions. */
const unitDependencies = [
  'addScalar',
  'subtractScalar',
  'multiplyScalar',
  'divideScalar',
  'pow',
  'abs',
  'fix',
  'round',
  'equal',
] as const;
/** Of a unit they make a number, which is then one of the format. */
const angular = /^(sin|cos|tan|sec|csc|cot)$/;

/** What counts places and converts text within other functions: mathjs' own, in binary64. */
const bookkeeping = ['number', 'numeric', 'range'] as const;

/** Functions that are not made by typed-function. */
const plainFunctions: readonly string[] = ['numeric', 'resize'];

/** Functions that hand out formulas, text and objects to work with, as they were given. */
const untouched = new Set(['typed', 'parse', 'parser', 'compile', 'help', 'index', 'reviver', 'replacer']);

/** Functions whose results are counts, positions and orders, which are no numbers of the format. */
export const countingFunctions: readonly string[] = [
  'size',
  'count',
  'leafCount',
  'setSize',
  'setMultiplicity',
  'compare',
  'compareNatural',
  'compareText',
];

/** Functions that compare or keep what they are given without an operation: it enters the format first. */
const settlingArguments =
  /^(mode|inv|chain|compareNatural|set(Cartesian|Difference|Distinct|Intersect|IsSubset|Multiplicity|Powerset|Size|SymDifference|Union))$/;

/** Permutations in the results of decompositions. */
const permutations = ['p', 'q'] as const;

function treatmentOf(name: string, { settle, positions }: Settler): Treatment {
  const before = settlingArguments.test(name) ? { before: settle } : {};
  if (countingFunctions.includes(name)) return { ...before, after: positions };
  if (name !== 'lup' && name !== 'slu') return { ...before, after: settle };
  return {
    after: (result) => {
      for (const key of permutations) positions((result as Record<string, unknown>)[key]);
      return settle(result);
    },
  };
}

/** The signatures of mathjs beside ours, with those of units in binary64, and without those that ours would conflict with. */
function inherited({ name, signatures }: TypedFunction, plain: Named): Signatures {
  const kept: Signatures = { ...signatures };
  for (const types of Object.keys(kept)) {
    if (types.includes('Unit') && !angular.test(name)) kept[types] = plain[name]!;
    if (types === '...number|BigNumber') {
      delete kept[types];
      kept['...BigNumber'] = ((x: never[]) => plain[name]!(...x)) as AnyFunction;
    }
  }
  return kept;
}

/** Signatures of the same name, those of later groups in place of earlier ones. */
function merged(...groups: Record<string, Signatures>[]): Record<string, Signatures> {
  const result: Record<string, Signatures> = {};
  for (const group of groups)
    for (const [name, signatures] of Object.entries(group)) result[name] = { ...result[name], ...signatures };
  return result;
}

/** Names of mathjs' options. */
const configNames: readonly string[] = [
  'matrix',
  'number',
  'numberFallback',
  'precision',
  'predictable',
  'relTol',
  'absTol',
  'randomSeed',
  'legacySubset',
];

/** The options of mathjs that an instance takes. */
function checkConfig(config: ConfigOptions): void {
  checkFields('config', config, configNames);
  // Numbers of other types would not be numbers of the format.
  oneOf('config.number', config.number, ['number'], 'number');
  // Real arguments have no complex results.
  oneOf('config.predictable', config.predictable, [true], true);
  oneOf('config.matrix', config.matrix, ['Matrix', 'Array'], 'Matrix');
  oneOf('config.numberFallback', config.numberFallback, ['number', 'BigNumber'], 'number');
  integerInRange('config.precision', config.precision, 1, 1e9, 64);
  for (const name of ['relTol', 'absTol'] as const)
    numberInRange(`config.${name}`, config[name], { from: 0 }, 0);
  checkBoolean('config.legacySubset', (config as { legacySubset?: unknown }).legacySubset, false);
  const { randomSeed } = config;
  const isSeed = randomSeed === null || ['undefined', 'string', 'number'].includes(typeof randomSeed);
  if (!isSeed || Number.isNaN(randomSeed))
    throw new ArgumentError('config.randomSeed', randomSeed, 'a text, a number, or null for none');
}

/** What `createMath` takes: as for `arithmetic`, but numbers are always rounded first, and there are no arrays. */
export type MathOptions = Omit<ArithmeticOptions, 'operands' | 'threads'>;

/** mathjs in binary64. */
type Plain = Named & {
  expression: { mathWithTransform: unknown };
  Complex: new (re: number, im: number) => never;
};

/** A factory whose bookkeeping is mathjs' own. */
function exactly(factory: Factory, plain: Named): Factory {
  const counting = givenOther(factory, bookkeeping, plain);
  // Places in data are compared as integers.
  return factory.fn === 'quantileSeq'
    ? givenOther(counting, ['isInteger'], Number as unknown as Named)
    : counting;
}

/** What makes functions with our signatures, and with results in the format. */
function functionFactories(
  arithmetic: Arithmetic,
  rounder: Rounder,
  plain: Named,
  settling: Settler,
  own: Readonly<Record<string, Signatures>>,
): (original: Factory) => Factory {
  const replaced = replacements(arithmetic, rounder);
  return (original) => {
    const { fn } = original;
    const replacement = replaced[fn];
    const factory = needing(exactly(original, plain), 'typed', ...(replacement?.needs ?? []));
    const treatment = treatmentOf(fn, settling);
    return withNames(factory, (needs) => {
      const typed = needs['typed'] as Typed;
      if (own[fn] === undefined && replacement === undefined) {
        const created = factory({ ...needs, typed: treating(typed, fn, treatment) }) as TypedFunction;
        return created.signatures === undefined
          ? (...args: unknown[]) => treatment.after(created(...args))
          : created;
      }
      const created = factory(needs) as TypedFunction;
      const ours = { ...own[fn], ...replacement?.signatures(created, needs as never, factory) };
      return treatedFunction(typed, created, inherited(created, plain), ours, treatment);
    });
  };
}

/** Everything that an instance is made of. */
function madeFactories(
  plain: Plain,
  { settle }: Settler,
  rounder: Rounder,
  functionFactory: (original: Factory) => Factory,
): Factories {
  const factories = all as unknown as Factories;
  const made: Factories = {};
  for (const [key, factory] of Object.entries(factories)) {
    const { fn, meta } = factory;
    if (meta?.isTransformFunction) made[key] = exactly(factory, plain);
    else if (meta?.isClass || untouched.has(fn)) made[key] = givenOther(factory, ['numeric'], plain);
    else if (factory.dependencies.includes('typed') || plainFunctions.includes(fn))
      made[key] = functionFactory(factory);
    // A constant.
    else made[key] = changed(factory, settle);
  }
  Object.assign(made, {
    ...nodeFactories(made, settle, plain.expression.mathWithTransform),
    createUnitClass: givenOther(factories['createUnitClass']!, unitDependencies, plain),
    createParserClass: settlingParser(factories['createParserClass']!, settle),
    createRangeTransform: rangeInExpressions(factories['createRangeTransform']!, rounder),
  });
  return made;
}

const optionNames: readonly string[] = [...roundingNames, 'flags'];

/**
 * A mathjs instance whose numbers are numbers of a format.
 *
 * Every scalar operation on numbers is as if computed exactly and rounded once, as the options say; comparisons are exact.
 * Numbers from outside (constants, elements of arrays) are rounded when an operation takes them, when they are assigned, and when
 * they are the result of a function or an expression. There are no complex results of real arguments: sqrt(-1) is NaN.
 *
 * @param format A format or its name.
 * @param options As for `arithmetic`: rounding, saturation, random bits, flags.
 * @param config Configuration of mathjs, such as `{ matrix: 'Array' }`.
 * @returns The instance; its `arithmetic` is the arithmetic object, with its cursor, flags and `reset`.
 * @throws ArgumentError for an unknown format or option, or a `config` with other numbers or with complex results.
 *
 * @example
 * const math = createMath('bfloat16');
 * math.evaluate('0.1 + 0.2') // 0.30078125
 * math.lusolve([[2, 1], [1, 3]], [1, 2]) // [[0.19921875], [0.6015625]]
 */
export function createMath<const F extends FormatSpelling>(
  format: FormatArgument<F>,
  options?: MathOptions,
  config: ConfigOptions = {},
): Mathematics {
  const given = checkFields('', options, optionNames);
  checkConfig(config);
  const settings: ConfigOptions = { ...config, predictable: true };
  const base = create(all!, settings);
  const arithmetic = createArithmetic(format, { ...given, operands: 'round' });
  const plain = base as unknown as Plain;
  const rounder = rounderOf(arithmetic);
  const settling = new Settler(rounder.operand);
  const own = merged(
    complexSignatures(arithmetic, rounder, base, (re, im) => new plain.Complex(re, im)),
    integerSignatures(rounder, dropsHighBits(arithmetic.options), base),
    numberSignatures(arithmetic, rounder, base),
  );
  const made = madeFactories(
    plain,
    settling,
    rounder,
    functionFactories(arithmetic, rounder, plain, settling, own),
  );
  const math = create(made as unknown as FactoryFunctionMap, settings);
  guard(math, settling, checkConfig);
  return Object.assign(math, { arithmetic });
}
