/** The operations that have a command of their own: their names alone, so that the list of commands loads no arithmetic. */
import type { TracedMethods } from '../../arithmetic/index.ts';

export type CommandOperation = keyof TracedMethods;

const unary: readonly CommandOperation[] = [
  ...(['sqrt', 'neg', 'abs', 'convert', 'exp', 'exp2', 'exp10', 'expm1', 'log', 'log2', 'log10'] as const),
  ...(['log1p', 'rsqrt', 'cbrt', 'sin', 'cos', 'tan', 'sinPi', 'cosPi', 'tanPi', 'asin', 'acos'] as const),
  ...(['atan', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh', 'sigmoid', 'softplus', 'silu'] as const),
  ...(['gelu', 'erf', 'erfc'] as const),
];
const binary: readonly CommandOperation[] = [
  ...(['add', 'sub', 'mul', 'div', 'min', 'max', 'pow', 'hypot', 'atan2', 'remainder'] as const),
];

/** How many operands each operation has. */
export const operands: ReadonlyMap<CommandOperation, 1 | 2 | 3> = new Map<CommandOperation, 1 | 2 | 3>([
  ...binary.map((name): [CommandOperation, 2] => [name, 2]),
  ['fma', 3],
  ...unary.map((name): [CommandOperation, 1] => [name, 1]),
]);
