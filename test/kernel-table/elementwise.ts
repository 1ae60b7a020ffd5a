/** Kernels that work on each element by itself, and kernels that reduce axes. */
import type { Drawn, Draws, Operand } from './draws.ts';
import { arithmetic, carried, each, exact, type Table } from './entry.ts';

const unary = (d: Draws): Drawn => ({ inputs: { x: d.floats(d.shape(0, 4)) }, attrs: { alpha: 0.25 } });

const operandsOf = (make: (d: Draws, shape: number[]) => Drawn['inputs']) => (d: Draws) => {
  const shape = d.shape(1, 4);
  return { inputs: make(d, shape), attrs: {} };
};

const binary = operandsOf((d, shape) => {
  const [a, b] = [shape, d.broadcast(shape)].map((given) => d.floats(given));
  return d.bool() ? { a: a!, b: b! } : { a: b!, b: a! };
});

const either = operandsOf((d, shape) => {
  const make = d.bool() ? (given: number[]) => d.floats(given) : (given: number[]) => d.ints(given);
  return { a: make(shape), b: make(d.broadcast(shape)) };
});

const logical = operandsOf((d, shape) => ({ a: d.bools(shape), b: d.bools(d.broadcast(shape)) }));

/** A reduction over axes that an attribute of this name has. */
const reduction =
  (attribute: string, make: (d: Draws, shape: number[]) => Drawn['inputs']) =>
  (d: Draws): Drawn => {
    const shape = d.shape(1, 4);
    const axes = d.axes(shape.length);
    return { inputs: make(d, shape), attrs: { [attribute]: axes, keepDims: d.bool() } };
  };

/** Lengths that are powers of two, so that a mean of exact sums is exact wherever it is divided. */
const mean = (d: Draws): Drawn => {
  const shape = Array.from({ length: d.int(1, 4) }, () => d.pick([1, 2, 4]));
  return { inputs: { x: d.exact(shape) }, attrs: { axis: d.axes(shape.length), keepDims: d.bool() } };
};

const oneAxis = (d: Draws): Drawn => {
  const shape = d.shape(1, 4);
  const attrs = { axis: d.int(0, shape.length - 1), exclusive: d.bool(), reverse: d.bool() };
  return { inputs: { x: d.floats(shape) }, attrs };
};

export const elementwise: Table = {
  ...each(
    `Abs Acos Acosh Asin Asinh Atan Atanh Cos Cosh Elu Erf Exp Expm1 LeakyRelu Log Log1p Neg Reciprocal Relu6 Rsqrt Selu
    Sigmoid Sign Sin Sinh Softplus Sqrt Square Step Tan Tanh`,
    arithmetic(unary),
  ),
  ...each('Ceil Floor Round IsFinite IsInf IsNan Relu Identity OnesLike ZerosLike', carried(unary)),
  ...each('Atan2 FloorDiv Mod Pow RealDiv SquaredDifference', arithmetic(binary)),
  ...each('Add Multiply Sub', arithmetic(either)),
  ...each('Equal Greater GreaterEqual Less LessEqual Maximum Minimum NotEqual', carried(either)),
  ...each('LogicalAnd LogicalOr LogicalXor', carried(logical)),
  LogicalNot: carried(operandsOf((d, shape) => ({ x: d.bools(shape) }))),
  BitwiseAnd: arithmetic(operandsOf((d, shape) => ({ a: d.ints(shape, 0), b: d.ints(shape, 0) }))),
  Prelu: arithmetic(operandsOf((d, shape) => ({ x: d.floats(shape), alpha: d.floats(shape.slice(-1)) }))),
  EluGrad: arithmetic(operandsOf((d, shape) => ({ dy: d.floats(shape), y: d.floats(shape) }))),
  AddN: arithmetic(operandsOf((d, shape) => Array.from({ length: d.int(1, 4) }, () => d.floats(shape)))),
  ClipByValue: {
    kind: ({ inputs, attrs }) => {
      const { x } = inputs as Record<string, Operand>;
      const areWhole = [...x!.values, attrs['clipValueMin'], attrs['clipValueMax']].every(Number.isInteger);
      return areWhole ? 'carried' : 'arithmetic';
    },
    drawn: arithmetic((d) => {
      const shape = d.shape(0, 4);
      const x = d.bool() ? d.floats(shape) : { ...d.ints(shape), dtype: 'float32' as const };
      return {
        inputs: { x },
        attrs: { clipValueMin: d.pick([-3.3, -2, 0]), clipValueMax: d.pick([1, 2.7, 200]) },
      };
    }).drawn,
  },

  ...each('Max', carried(reduction('reductionIndices', (d, shape) => ({ x: d.floats(shape) })))),
  Min: carried(reduction('axis', (d, shape) => ({ x: d.floats(shape) }))),
  ...each('All Any', carried(reduction('axis', (d, shape) => ({ x: d.bools(shape) })))),
  Prod: arithmetic(reduction('axis', (d, shape) => ({ x: d.floats(shape) }))),
  Sum: exact(reduction('axis', (d, shape) => ({ x: d.exact(shape) }))),
  Mean: exact(mean),
  ...each('ArgMax ArgMin', carried(oneAxis)),
  ...each('Cumprod Cumsum', arithmetic(oneAxis)),
  Softmax: arithmetic((d) => {
    const shape = d.shape(1, 4);
    return { inputs: { logits: d.floats(shape) }, attrs: { dim: shape.length - 1 } };
  }),
};
