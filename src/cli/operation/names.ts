/** The operations that have a command of their own: their names alone, so that the list of commands loads no arithmetic. */

const unary = [
  ...(['sqrt', 'neg', 'abs', 'convert', 'exp', 'exp2', 'exp10', 'expm1', 'log', 'log2', 'log10'] as const),
  ...(['log1p', 'rsqrt', 'cbrt', 'sin', 'cos', 'tan', 'sinPi', 'cosPi', 'tanPi', 'asin', 'acos'] as const),
  ...(['atan', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh', 'sigmoid', 'softplus', 'silu'] as const),
  ...(['gelu', 'erf', 'erfc'] as const),
] as const;
const binary = ['add', 'sub', 'mul', 'div', 'min', 'max', 'pow', 'hypot', 'atan2'] as const;

export type CommandOperation = (typeof unary)[number] | (typeof binary)[number] | 'fma';

/** How many operands each operation has. */
export const operands: ReadonlyMap<CommandOperation, 1 | 2 | 3> = new Map([
  ...binary.map((name) => [name, 2] as const),
  ['fma', 3] as const,
  ...unary.map((name) => [name, 1] as const),
]);
