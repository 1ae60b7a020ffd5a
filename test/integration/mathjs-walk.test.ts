/**
 * Every function of mathjs that hands out numbers hands out numbers of the format: called directly, from an expression and along a
 * chain, with drawn arguments that are not numbers of the format. A function of mathjs that no list here knows fails the test.
 */
import { all, create, type MathJsInstance } from 'mathjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { toFormat } from '../../src/formats/index.ts';
import { countingFunctions, createMath, type Mathematics } from '../../src/mathjs/index.ts';

type Functions = Record<string, (...args: unknown[]) => unknown>;

/** Numbers that formats do not have, the same for the same seed. */
interface Draws {
  readonly math: Functions;
  /** Between 0 and 1. */
  u(): number;
}

function draws(seed: number, math: Mathematics): Draws {
  let state = seed * 40503 + 12345;
  return {
    math: math as unknown as Functions,
    u: () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return 0.01 + (0.98 * (state + 0.5)) / 2 ** 32;
    },
  };
}

const number = ({ u }: Draws): number => 8 * u() - 4;
const list = (d: Draws, length: number): number[] => Array.from({ length }, () => number(d));
/** Well conditioned. */
const square = (d: Draws, size = 3): number[][] =>
  Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (__, j) => number(d) / 8 + (i === j ? 3 : 0)),
  );

/** Arguments by one letter each. */
const kinds: Record<string, (d: Draws) => unknown> = {
  x: number,
  p: ({ u }) => 0.05 + 3.95 * u(),
  u: ({ u }) => u(),
  n: ({ u }) => 1 + Math.floor(6 * u()),
  N: ({ u }) => 7 + Math.floor(40 * u()),
  '0': () => 0,
  '1': () => 1,
  '2': () => 2,
  v: (d) => list(d, 3),
  w: (d) => list(d, 7),
  q: ({ u }) => [u(), u(), u()],
  V: (d) => d.math['matrix']!(list(d, 4)),
  A: (d) => square(d),
  M: (d) => d.math['matrix']!(square(d)),
  S: (d) => d.math['sparse']!(square(d)),
  L: (d) => square(d).map((row, i) => row.map((value, j) => (j <= i ? value : 0))),
  R: (d) => square(d).map((row, i) => row.map((value, j) => (j >= i ? value : 0))),
  Y: (d) => {
    const a = square(d, 4);
    return a.map((row, i) => row.map((value, j) => (j < i ? a[j]![i]! : value)));
  },
  c: (d) => d.math['complex']!(number(d), number(d)),
  t: () => true,
  s: () => [2, 2],
  o: (d) => ({ a: number(d), b: [number(d)], c: { d: number(d) } }),
  f: () => (x: number) => x / 3,
};

/** Calls of functions: arguments by letter, calls apart by commas. */
function callsOf(text: string, d: Draws): unknown[][] {
  return text.split(',').map((call) => Array.from(call.trim(), (letter) => kinds[letter]!(d)));
}

/** Functions that hand out numbers of the format, with calls. */
const ofTheFormat: readonly (readonly [names: string, calls: string])[] = [
  [
    `abs ceil floor fix round sign square cube exp expm1 sqrt log log10 log2 log1p unaryMinus unaryPlus conj re im arg
    sin cos tan sec csc cot sinh cosh tanh sech csch coth asin acos atan asinh acosh atanh asec acsc acot asech acsch acoth`,
    'x, p, u, v, M, S, c',
  ],
  ['cbrt', 'x, p, c, ct, M'],
  ['gamma lgamma', 'p, x, c'],
  ['erf zeta factorial', 'p, v'],
  ['add subtract multiply', 'xp, vv, MM, SS, xM, Sp, cx, cc, SM'],
  ['dotMultiply dotDivide dotPow', 'xp, vv, MM, SS, pM, Sp, cx'],
  ['addScalar subtractScalar multiplyScalar divideScalar', 'xp, px, cx, cc'],
  ['divide', 'xp, Mp, xM, AA, cx, cc'],
  ['pow', 'px, pn, M2, cx, cc, xu'],
  ['mod atan2', 'xp, xx, vv, SS'],
  ['log log1p', 'pp, cp'],
  ['nthRoot', 'p, pn, Sn'],
  ['nthRoots', 'c, cn, xn'],
  ['hypot', 'x, xp, xpx, v, cc'],
  ['gcd lcm', 'nN, NN, NNN'],
  ['xgcd invmod', 'nN, Nn'],
  ['round floor ceil fix', 'x2, v1, c1, S1'],
  ['norm', 'x, v, M, Y, c, v1, vp, V0'],
  ['bitAnd bitOr bitXor leftShift rightArithShift rightLogShift', 'nN, Nn'],
  ['bitNot', 'N'],
  ['permutations', 'n, Nn'],
  ['combinations combinationsWithRep composition stirlingS2', 'Nn, nn'],
  ['catalan bellNumbers bernoulli', 'n, N'],
  ['random', ' , p, xp, s, sp, s0p'],
  ['randomInt', ' , N, nN, s, sN'],
  ['pickRandom', 'w, wn, wn'],
  ['column row', 'M1, A1'],
  ['concat', 'vv, MM'],
  ['cross', 'vv'],
  ['ctranspose transpose', 'M, A, S, v'],
  ['cumsum', 'v, M, M0, xpx'],
  ['det inv', 'M, A, S, x'],
  ['pinv', 'M, A, v, x'],
  ['diag', 'v, M, V1'],
  ['diff', 'w, M, M1'],
  ['distance', 'vv'],
  ['dot', 'vv, VV'],
  ['eigs', 'Y'],
  ['expm', 'M, S'],
  ['sqrtm', 'M'],
  ['fft ifft', 'v, V, M'],
  ['freqz', 'vv, vvw, VVn'],
  ['zpk2tf', 'vv, vvp'],
  ['identity', 'n, s'],
  ['ones zeros', 'n, s, nn'],
  ['kron', 'AA, MM'],
  ['kldivergence', 'qq'],
  ['lsolve lsolveAll', 'Lv'],
  ['usolve usolveAll', 'Rv'],
  ['lusolve', 'Av, Mv, Sv'],
  ['lup', 'A, M, S'],
  ['qr schur', 'A, M'],
  ['lyap', 'AA'],
  ['sylvester', 'AAA'],
  ['mad median mean mode std variance sum prod max min', 'w, M, xpx, V'],
  ['max min mean sum', 'M0, A1'],
  ['corr', 'ww, AA'],
  ['quantileSeq', 'wu, wq, wn, Vu, wut'],
  ['partitionSelect', 'w2'],
  ['polynomialRoot', 'xp, xxp, xxxp, cx'],
  ['range', 'xN, nN, 0Np, n0x'],
  ['rotate', 'vxv'],
  ['rotationMatrix', 'x, xv, xV'],
  ['trace', 'A, M, S'],
  ['setCartesian setDifference setIntersect setSymDifference setUnion', 'vw, VV'],
  ['setDistinct setPowerset', 'v, V'],
  ['matrix sparse squeeze flatten', 'A, M'],
  ['sort', 'w, V'],
  ['reshape', 'Vs'],
  ['resize', 'vs'],
  ['clone', 'x, v, M, S, c, o'],
  ['number', 'x'],
  ['complex', 'x, xp, v'],
  ['filter', 'wf'],
  ['map forEach', 'vf, Mf'],
  ['matrixFromColumns matrixFromRows', 'vv'],
  ['nullish', 'xp'],
];

/** Calls whose arguments have no letter. */
const others: Readonly<Record<string, (d: Draws) => unknown[][]>> = {
  evaluate: () => [
    ['{a: 0.1, b: [0.2, {c: 0.3}]}'],
    ['0.1; [0.2]; 0.3 + 0.1i'],
    ['f(x) = 0.1'],
    ['[0.1, 0.2; 0.3, 0.4]'],
  ],
  apply: (d) => [[square(d), 0, (v: number[]) => v[0]! / 3]],
  mapSlices: (d) => [[square(d), 1, (v: number[]) => v[0]! / 3]],
  matrixFromFunction: () => [[[2, 2], ([i, j]: number[]) => i! / 3 + j!]],
  subset: (d) => [
    [list(d, 4), d.math['index']!(2)],
    [{ a: 0.1 }, d.math['index']!('a')],
    [list(d, 4), d.math['index']!(1), 0.1],
  ],
  intersect: (d) => [
    [
      [0, 0],
      [9.7, 10.2],
      [10.1, 0.3],
      [0.2, 10.4],
    ],
    [list(d, 3), list(d, 3), list(d, 4)],
  ],
  slu: (d) => [[d.math['sparse']!(square(d)), 1, 0.001]],
  solveODE: () => [
    [(_t: number, y: number) => y / 3, [0, 1.3], 0.7, { tol: 0.5, maxIter: 40 }],
    [
      (_t: number, y: number[]) => y.map((x) => x / 3),
      [0, 1.3],
      [0.7],
      { method: 'RK23', tol: 0.5, maxIter: 40 },
    ],
  ],
  numeric: () => [['0.1', 'number']],
  multinomial: () => [[[2, 3, 4]]],
  derivative: () => [['0.1 x^2 + 0.3 x', 'x']],
  simplify: () => [['0.1 + 0.2 + x'], ['3.3 x + 0.4 x']],
  simplifyConstant: () => [['0.1 + 0.2']],
  simplifyCore: () => [['x * 1 + 0.1']],
  rationalize: () => [['2.1 x / y - 1.3'], ['x + 0.1', {}, true]],
  resolve: () => [['x + y', { x: 0.1 }]],
};

/** Results that are integers, whatever the format. */
const counting: readonly (readonly [name: string, calls: string])[] = [
  ['size', 'v, M'],
  ['count', 'w, M'],
  ['setSize', 'v'],
  ['setMultiplicity', 'xw'],
  ['compare compareNatural', 'xp, vv'],
];

/** Functions whose results are neither numbers nor made of them. */
const notNumbers: Readonly<Record<string, string>> = {
  truth: `and or not xor equal unequal equalScalar smaller smallerEq larger largerEq deepEqual equalText isBounded isFinite isInteger
    isNaN isNegative isNumeric isPositive isPrime isZero hasNumericValue setIsSubset symbolicEqual boolean`,
  text: 'bin hex oct format print string typeOf getMatrixDataType',
  'formulas, as they were given': 'parse compile parser help',
  'numbers of other types': 'bignumber bigint fraction num den',
  'units, in binary64': 'unit createUnit splitUnit to toBest',
  'places, orders and numbers of nodes': 'index leafCount compareText',
  'the instance itself': 'typed config import create factory chain on off once emit',
  'JSON as it was saved': 'reviver replacer',
};

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** Every number within a value. */
function* numbersIn(value: unknown): Generator<number> {
  if (typeof value === 'number') yield value;
  if (typeof value !== 'object' || value === null) return;
  const held = value as Record<string, unknown> & {
    toArray(): unknown;
    entries?: unknown;
    filter(f: unknown): unknown[];
  };
  if (Array.isArray(value)) for (const item of value) yield* numbersIn(item);
  else if (held['isMatrix']) yield* numbersIn(held.toArray());
  else if (held['isComplex']) yield* [held['re'] as number, held['im'] as number];
  else if (held['isResultSet']) yield* numbersIn(held.entries);
  else if (held['isNode'])
    yield* numbersIn(
      held
        .filter((node: { isConstantNode?: boolean }) => node.isConstantNode)
        .map((node) => (node as { value: unknown }).value),
    );
  else if (value instanceof Map) yield* numbersIn([...value.values()]);
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const [key, item] of Object.entries(value)) if (key !== 'p' && key !== 'q') yield* numbersIn(item);
}

/** Calls that are refused, with what the error says. */
const refused: readonly (readonly [name: string, args: readonly unknown[], message: RegExp])[] = [
  [
    'eigs',
    [
      [
        [2, 1],
        [0, 3],
      ],
    ],
    /eigs: .*symmetric/,
  ],
  ['range', [1, 2, 0], /step: got 0/],
  ['range', [0, Number.NaN], /end: got NaN/],
  ['config', [{ number: 'BigNumber' }], /config\.number: got 'BigNumber'; accepted: number/],
  ['config', [{ predictable: false }], /config\.predictable: got false; accepted: true/],
  ['config', [{ matrx: 'Array' }], /config\.matrx: .*did you mean matrix/],
];

const formats = ['bfloat16', 'e4m3fn', 'posit8', 'fixed(12,4)'];
const plain = create(all!, { predictable: true, randomSeed: 'walk' });

/** Iterations to a tolerance, which 8 bits need not reach. */
const iterations = ['sqrtm', 'solveODE'];

describe.each(formats)('%s', (name) => {
  const format = toFormat(name);
  const math = createMath(name, {}, { randomSeed: 'walk' });
  const functions = math as unknown as Functions;

  function check(result: unknown, what: string): void {
    for (const x of numbersIn(result)) if (!Number.isNaN(x) && !format.has(x)) expect.fail(`${what}: ${x}`);
  }

  const calls = new Map<string, ((d: Draws) => unknown[][])[]>();
  const put = (f: string, of: (d: Draws) => unknown[][]): void => {
    calls.set(f, [...(calls.get(f) ?? []), of]);
  };
  for (const [names, text] of ofTheFormat) for (const f of words(names)) put(f, (d) => callsOf(text, d));
  for (const [f, of] of Object.entries(others)) put(f, of);

  /** The call itself, and the same in an expression and along a chain, where mathjs itself has them. */
  function ways(f: string, args: unknown[]): [() => unknown, () => unknown][] {
    const scope = Object.fromEntries(args.map((arg, i) => [`a${i}`, arg]));
    const text = `${f}(${Object.keys(scope).join()})`;
    const along = (instance: MathJsInstance) => (): unknown => {
      const chain = instance.chain(args[0]) as unknown as Record<
        string,
        (...x: unknown[]) => { done(): unknown }
      >;
      return chain[f]!(...args.slice(1)).done();
    };
    return [
      [() => functions[f]!(...args), () => (plain as unknown as Functions)[f]!(...args)],
      [() => math.evaluate(text, { ...scope }), () => plain.evaluate(text, { ...scope })],
      [along(math), along(plain)],
    ];
  }

  it.each([...calls.keys()])('%s', (f) => {
    let results = 0;
    for (let seed = 0; seed < 2; seed++)
      for (const args of calls.get(f)!.flatMap((of) => of(draws(seed, math))))
        for (const [ours, theirs] of ways(f, args)) {
          const what = `${f}(${JSON.stringify(args)})`;
          let result: unknown;
          try {
            result = ours();
          } catch (error) {
            if (iterations.includes(f) || error instanceof ArgumentError) continue;
            // mathjs refuses the same; a number out of the format's range is another one.
            expect(theirs, `${what}: ${error}`).toThrow();
            continue;
          }
          results++;
          check(result, what);
        }
    if (!iterations.includes(f)) expect(results).toBeGreaterThan(0);
  });

  it.each(counting)('%s: integers', (names, text) => {
    for (const f of words(names))
      for (const args of callsOf(text, draws(1, math))) {
        expect(countingFunctions).toContain(f);
        for (const x of numbersIn(functions[f]!(...args))) expect(x, f).toSatisfy(Number.isInteger);
      }
  });

  it('constants are numbers of the format', () => {
    for (const value of Object.values(math)) if (typeof value !== 'function') check(value, 'a constant');
  });

  it.each(refused)('%s: refused', (f, args, message) => {
    expect(() => functions[f]!(...args)).toThrow(ArgumentError);
    expect(() => functions[f]!(...args)).toThrow(message);
  });
});

it('every function of mathjs is in a list', () => {
  const known = new Set([
    ...ofTheFormat.flatMap(([names]) => words(names)),
    ...Object.keys(others),
    ...counting.flatMap(([names]) => words(names)),
    ...Object.values(notNumbers).flatMap(words),
  ]);
  const math = createMath('bfloat16');
  const isClassOrTest = (name: string): boolean => /^[A-Z]|^is[A-Z].*(Node|Chain)$/.test(name);
  const names = Object.entries(math)
    .filter(([name, value]) => typeof value === 'function' && !isClassOrTest(name))
    .map(([name]) => name);
  const typeTests = names.filter((name) => /^is[A-Z]/.test(name) && !known.has(name));
  for (const name of typeTests)
    expect((math as unknown as Functions)[name]!(0.1), name).toBeTypeOf('boolean');
  expect(names.filter((name) => !known.has(name) && !typeTests.includes(name))).toEqual([]);
  const inExpressions = Object.keys(
    (math as unknown as { expression: { mathWithTransform: object } }).expression.mathWithTransform,
  );
  expect(
    inExpressions.filter(
      (name) => typeof (math as unknown as Functions)[name] === 'function' && !known.has(name),
    ),
  ).toEqual([]);
  expect([...known].filter((name) => typeof (math as unknown as Functions)[name] !== 'function')).toEqual([]);
});
