/** Words that fields offer. What is accepted is the library's to say; these are for the eye. */

export const commonFormats: readonly string[] = [
  ...['binary16', 'binary32', 'binary64', 'bfloat16', 'tf32', 'dlfloat16', 'fp24', 'pxr24'],
  ...['e5m2', 'e4m3', 'e4m3fn', 'e3m4', 'e4m3fnuz', 'e5m2fnuz', 'e4m3b11fnuz', 'e2m3', 'e3m2', 'e2m1'],
  ...['e8m0', 'ue5m3', 'ue4m3', 'binary8p3se', 'binary6p3sf', 'int2', 'int4', 'int8', 'uint4', 'uint8'],
  ...['posit8', 'posit16', 'posit32', 'posit(8,1)', 'ternary', 'binary', 'nf4', 'dynamic8', 'midrise4'],
  ...['fixed(4,4)', 'logarithmic(4,3)', 'float(5,6)'],
];

export const specialCodes: readonly (readonly [string, string])[] = [
  ['ieee', 'infinities and NaN'],
  ['fn', 'NaN alone (fn)'],
  ['fnuz', 'one NaN, no -0 (fnuz)'],
  ['finite', 'none'],
  ['p3109', 'P3109'],
];

export const roundingModeNames: readonly string[] = [
  ...[
    'nearest-even',
    'nearest-odd',
    'nearest-away',
    'nearest-to-zero',
    'nearest-to-positive',
    'nearest-to-negative',
  ],
  ...['toward-zero', 'away-from-zero', 'toward-positive', 'toward-negative', 'to-odd', 'jamming'],
  ...['stochastic', 'stochastic-equal'],
];

export const saturationNames: readonly string[] = ['none', 'finite', 'propagate', 'wrap', 'keep-sign'];

export const subnormalNames: readonly string[] = ['keep', 'flush', 'round-to-minimum-normal'];

/** An operation: how many operands, and how it is written. */
interface Operation {
  readonly arity: 1 | 2 | 3;
  readonly sign: (...operands: string[]) => string;
}

const infix = (mark: string): Operation => ({ arity: 2, sign: (a, b) => `${a} ${mark} ${b}` });
const call = (name: string, arity: 1 | 2 | 3): Operation => ({
  arity,
  sign: (...operands) => `${name}(${operands.join(', ')})`,
});
const calls = (names: readonly string[], arity: 1 | 2): Record<string, Operation> =>
  Object.fromEntries(names.map((name) => [name, call(name, arity)]));

/** Every operation and function of two, one or three numbers that `arithmetic` has. */
export const operations: Readonly<Record<string, Operation>> = {
  add: infix('+'),
  sub: infix('−'),
  mul: infix('×'),
  div: infix('÷'),
  sqrt: call('√', 1),
  fma: { arity: 3, sign: (a, b, c) => `${a} × ${b} + ${c}` },
  ...calls(['min', 'max', 'pow', 'atan2', 'hypot', 'remainder'], 2),
  ...calls(['neg', 'abs', 'convert'], 1),
  ...calls(['exp', 'exp2', 'exp10', 'expm1', 'log', 'log2', 'log10', 'log1p', 'cbrt', 'rsqrt'], 1),
  ...calls(['sin', 'cos', 'tan', 'sinPi', 'cosPi', 'tanPi', 'asin', 'acos', 'atan'], 1),
  ...calls(['sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh'], 1),
  ...calls(['sigmoid', 'softplus', 'silu', 'gelu', 'erf', 'erfc'], 1),
};

export const operationNames: readonly string[] = Object.keys(operations);

/** Terms that a sum can be of without writing them. */
export const termNames: readonly (readonly [string, string])[] = [
  ['harmonic', '1/k'],
  ['ones', 'ones'],
  ['alternating', '1, −1/2, 1/3, ...'],
  ['normal', 'drawn from N(0, 1)'],
  ['uniform', 'drawn from 0 to 1'],
  ['written', 'as written below'],
];

export const accumulatorNames: readonly string[] = [
  ...['in order', 'in pairs', 'chunks of 16', 'exact chunks of 16'],
  ...['exact, rounded once', 'exact products in binary32'],
];

export const sourceNames: readonly string[] = [
  'gaussian',
  'uniform',
  'laplace',
  'outliers',
  'pasted',
  'file',
];

export const quantiserNames: readonly string[] = [
  ...['nvfp4', 'mxfp4', 'mxfp8e4m3', 'mxint8', 'int4/block:32', 'int8/row', 'nf4/block:64', 'ternary'],
];

/** Fields that have a recipe each. */
export const recipeFields = ['recipe', 'other', 'third', 'fourth'] as const;

export const dataNames: readonly (readonly [string, string])[] = [
  ['spirals', 'three spirals'],
  ['digits', 'digits (MNIST)'],
  ['text', 'text (Moby-Dick)'],
  ['file', 'a file'],
];

export const modelNames: readonly string[] = [
  ...['mlp', 'conv', 'conv-l1', 'llama-tiny', 'llama-small', 'llama-medium', 'llama-large'],
];
