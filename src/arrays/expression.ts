/** Expressions on numbers, typed arrays and shaped arrays: variables bound by name, broadcast, and run by `src/expressions`. */
import type { Arithmetic as FlatArithmetic } from '../arithmetic/index.ts';
import { isFloat32Array, newArray, type RealArray, realArray, resultArray } from '../array-kinds.ts';
import { checkAbsent, checkFields, isRecord } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import {
  type CompileOptions,
  compileProgram,
  explain as explainSteps,
  type Program,
  type Reader,
  run,
  textOfProgram,
} from '../expressions/index.ts';
import { fitsBinary32 } from '../formats/real-arrays.ts';
import { nearestWords } from '../nearest-words.ts';
import { sizeOf } from '../shape.ts';
import type { Expression } from './expression-types.ts';
import { broadcastShape, broadcastStride, isContiguous, rowMajor } from './layout.ts';
import { copied, gather, isSpoiltBy, scatter, type View } from './moves.ts';
import { isShaped, resultFor, type ShapedArray } from './shaped-array.ts';

type Bound = number | RealArray | ShapedArray;

function bind(
  names: readonly string[],
  fixed: ReadonlyMap<string, Bound>,
  given: unknown,
): Map<string, Bound> {
  if (given !== undefined && !isRecord(given))
    throw new ArgumentError('variables', given, 'an object of variables by name');
  const values = (given ?? {}) as Readonly<Record<string, unknown>>;
  const free = names.filter((name) => !fixed.has(name));
  const wrong = Object.keys(values).find((name) => !free.includes(name) && values[name] !== undefined);
  if (wrong !== undefined)
    throw new ArgumentError(
      wrong,
      values[wrong],
      `no such variable; the expression has ${free.join(', ') || 'none'}`,
    );
  const bound = new Map<string, Bound>();
  for (const name of names) {
    const value = fixed.get(name) ?? (Object.hasOwn(values, name) ? values[name] : undefined);
    if (value === undefined) {
      const near = nearestWords(name, Object.keys(values), 1);
      const hint = near.length === 0 ? '' : ` (did you mean ${near[0]}?)`;
      throw new ArgumentError(name, value, `a value for the variable ${name}${hint}`);
    }
    const isPlain = typeof value === 'number' || isShaped(value);
    bound.set(
      name,
      isPlain ? value : realArray(name, value, 'a number, an array of numbers or a shaped array'),
    );
  }
  return bound;
}

/** Reads blocks of an array in the kind that the run has. */
function readerOf(view: View, Kind: new (length: number) => RealArray): Reader {
  const isOfKind = view.data instanceof Kind;
  const buffers = new Map<number, RealArray>();
  return (from, to) => {
    const length = to - from;
    if (isOfKind && view.shape.length === 1 && view.stride[0] === 1)
      return view.data.subarray(view.offset + from, view.offset + to);
    let buffer = buffers.get(length);
    if (buffer === undefined) {
      buffer = newArray(Kind, length);
      buffers.set(length, buffer);
    }
    gather(view, from, to, buffer);
    return buffer;
  };
}

/** A view as one of a shape, with axes that lie in order taken together: a vector where all do. */
function spread(view: View, shape: readonly number[]): View {
  const stride = broadcastStride(view, shape)!;
  const merged: [number[], number[]] = [[], []];
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const last = merged[0].length - 1;
    if (last >= 0 && merged[1][last] === stride[axis]! * extent) {
      merged[0][last]! *= extent;
      merged[1][last] = stride[axis]!;
    } else {
      merged[0].push(extent);
      merged[1].push(stride[axis]!);
    }
  });
  return { data: view.data, offset: view.offset, shape: merged[0], stride: merged[1] };
}

const asView = (x: RealArray | ShapedArray): View =>
  isShaped(x) ? x : { data: x, shape: [x.length], stride: [1], offset: 0 };

function evaluate(
  program: Program,
  bound: ReadonlyMap<string, Bound>,
  f: FlatArithmetic,
  out: unknown,
): unknown {
  const numbers = new Map<string, number>();
  const views = new Map<string, View>();
  for (const [name, value] of bound)
    if (typeof value === 'number') numbers.set(name, value);
    else views.set(name, asView(value));
  const arrays = [...bound.values()].filter((x) => typeof x !== 'number');
  if (arrays.length === 0) {
    checkAbsent('out', out, 'nothing when the variables are numbers');
    return run(program, numbers, new Map(), 1, Float64Array, { place: () => undefined, write: () => {} });
  }
  const names = [...views.keys()];
  const shape = broadcastShape(
    names,
    [...views.values()].map((view) => view.shape),
  );
  const length = sizeOf(shape);
  const shapedOne = arrays.find(isShaped);
  const areNarrow = [...views.values()].every(({ data }) => isFloat32Array(data));
  const fits = program.steps.every((step) => fitsBinary32(step.f.format));
  const Kind = areNarrow && fits ? Float32Array : Float64Array;
  const like: RealArray = areNarrow && fitsBinary32(f.format) ? new Float32Array(0) : new Float64Array(0);
  const target =
    shapedOne === undefined
      ? asView(resultArray(out, like, 'the variables', length))
      : resultFor(shapedOne.arithmetic, out, shape);
  const readers = new Map<string, Reader>();
  for (const [name, view] of views) {
    const seen = { ...view, shape, stride: broadcastStride(view, shape)! };
    // A block is read before it is written; what is read after that must lie elsewhere.
    const isSpoilt = isSpoiltBy(seen, target);
    const source = isSpoilt ? { ...view, data: copied(view), offset: 0, stride: rowMajor(view.shape) } : view;
    readers.set(name, readerOf(spread(source, shape), Kind));
  }
  const isDirect = isContiguous(target) && target.data instanceof Kind;
  run(program, numbers, readers, length, Kind, {
    place: (from, to) =>
      isDirect ? target.data.subarray(target.offset + from, target.offset + to) : undefined,
    write: (block, from) => {
      if (!isDirect) scatter(target, from, block);
    },
  });
  return shapedOne === undefined ? (out ?? target.data) : target;
}

/** The element with the largest relative error of each step, of all that there are. */
function explainEach(program: Program, bound: ReadonlyMap<string, Bound>): readonly object[] {
  const views = [...bound].flatMap(([name, x]) =>
    typeof x === 'number' ? [] : [[name, asView(x)] as const],
  );
  const shape = broadcastShape(
    views.map(([name]) => name),
    views.map(([, view]) => view.shape),
  );
  const numbers = new Map(
    [...bound].filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
  const columns = views.map(
    ([name, view]) => [name, copied({ ...view, shape, stride: broadcastStride(view, shape)! })] as const,
  );
  let worst: object[] = [];
  const { f } = program;
  const start = f.state;
  for (let index = 0; index < sizeOf(shape); index++) {
    f.restore(start);
    for (const [name, values] of columns) numbers.set(name, values[index]!);
    const steps = explainSteps(program, numbers).map((step) => ({ ...step, index }));
    const size = (step: object | undefined): number =>
      Math.abs((step as { relativeError: number }).relativeError);
    worst = steps.map((step, j) => (worst[j] === undefined || size(step) > size(worst[j]) ? step : worst[j]));
  }
  return worst;
}

/** The expression as a function; `fixed`: values of the places of a template. */
export function expressionOf(
  f: FlatArithmetic,
  text: unknown,
  options: CompileOptions | undefined,
  fixed: ReadonlyMap<string, Bound>,
): Expression<ShapedArray> {
  const program = compileProgram(f, text, options);
  const call = (variables?: unknown, given?: { readonly out?: unknown }): unknown => {
    const { out } = checkFields<{ readonly out?: unknown }>('', given, ['out']);
    return evaluate(program, bind(program.names, fixed, variables), f, out);
  };
  const explain = (variables?: unknown): readonly object[] => {
    const bound = bind(program.names, fixed, variables);
    const areNumbers = [...bound.values()].every((x) => typeof x === 'number');
    return areNumbers
      ? explainSteps(program, bound as ReadonlyMap<string, number>)
      : explainEach(program, bound);
  };
  const names = Object.freeze(program.names.filter((name) => !fixed.has(name)));
  const properties = { names, tree: textOfProgram(program), explain };
  return Object.freeze(Object.assign(call, properties)) as unknown as Expression<ShapedArray>;
}

/** The text of a template, its values as variables that no text can name by chance. */
export function readTemplate(
  parts: readonly string[],
  values: readonly unknown[],
): { readonly text: string; readonly fixed: ReadonlyMap<string, Bound> } {
  const fixed = new Map<string, Bound>();
  const [first = '', ...rest] = parts;
  const text = rest.reduce((all, part, i) => {
    const name = `$${i + 1}`;
    const value = values[i];
    const isPlain = typeof value === 'number' || isShaped(value);
    fixed.set(
      name,
      isPlain ? value : realArray(`value ${i + 1}`, value, 'a number, an array of numbers or a shaped array'),
    );
    return `${all} ${name} ${part}`;
  }, first);
  return { text, fixed };
}
