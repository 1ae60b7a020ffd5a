/**
 * Runs a program on numbers or in blocks that stay in cache: one pass over memory. Step j takes the draws that a call of its method on whole
 * arrays would: those after the draws of all steps before it, element i the i-th; steps on numbers alone are done once and take one.
 */
import type { Arithmetic } from '../arithmetic/index.ts';
import { newArray, type RealArray } from '../array-kinds.ts';
import { refusedAs } from '../check.ts';
import { isStochastic } from '../rounding/options.ts';
import type { Operand, Program, Step } from './program.ts';

/** Gives the elements of a variable from one number to another, in order. */
export type Reader = (from: number, to: number) => RealArray;

/** Bytes of a block: results of a handful of steps lie in the second-level cache, and a call costs little of the time that one takes. */
const blockBytes = 2 ** 17;

type Method = (...given: unknown[]) => RealArray | number;

function methodOf({ f, name }: Step): Method {
  return f[name as keyof Arithmetic] as unknown as Method;
}

/** Calls a step; what is refused is refused by the name of the variable and the number of its element. */
function call(
  step: Step,
  operands: readonly (RealArray | number)[],
  from: number,
  out?: RealArray,
): RealArray | number {
  const given = out === undefined ? operands : [...operands, { out }];
  return refusedAs(
    () => methodOf(step)(...given),
    ({ argument }) => {
      const [, letter = '', at] = /^([abc])(?:\[(\d+)\])?$/.exec(argument) ?? [];
      const operand = step.operands['abc'.indexOf(letter)];
      if (letter === '' || operand?.kind !== 'variable') return argument;
      return at === undefined ? operand.name : `${operand.name}[${from + Number(at)}]`;
    },
  );
}

/** Whether what a step gives is an array. */
function arraySteps({ steps }: Program, isArray: (name: string) => boolean): boolean[] {
  const found: boolean[] = [];
  for (const { operands } of steps)
    found.push(
      operands.some((x) => (x.kind === 'step' ? found[x.index]! : x.kind === 'variable' && isArray(x.name))),
    );
  return found;
}

/** Puts the cursors of all arithmetics where a step draws. */
function seekerOf(
  { f, steps }: Program,
  counts: readonly number[],
): { seek(j: number, from: number): void; finish(): void } {
  const start = f.state;
  const supplied = f.options.random !== undefined;
  const placeAt = (taken: number): typeof start =>
    supplied ? { ...start, supplied: start.supplied + taken } : { ...start, offset: start.offset + taken };
  const before: number[] = [];
  let taken = 0;
  steps.forEach(({ draws }, j) => {
    before.push(taken);
    if (draws) taken += counts[j]!;
  });
  if (!isStochastic(f.options.rounding)) return { seek: () => {}, finish: () => {} };
  return {
    seek: (j, from) => steps[j]!.f.restore(placeAt(before[j]! + from)),
    finish: () => f.restore(placeAt(taken)),
  };
}

/** Where blocks of the result go. */
interface Results {
  /** The place of a block itself, where it can be written at once. */
  place(from: number, to: number): RealArray | undefined;
  /** Takes a block there otherwise. */
  write(block: RealArray, from: number): void;
}

/**
 * Runs the steps on `length` elements. The result is a number where no variable is an array.
 *
 * @param numbers Variables that are numbers.
 * @param readers Variables that are arrays, in the kind of `Kind`.
 */
export function run(
  program: Program,
  numbers: ReadonlyMap<string, number>,
  readers: ReadonlyMap<string, Reader>,
  length: number,
  Kind: Float32ArrayConstructor | Float64ArrayConstructor,
  { place: placeOf, write }: Results,
): number | undefined {
  const { f, steps, result } = program;
  const areArrays = arraySteps(program, (name) => readers.has(name));
  const { seek, finish } = seekerOf(
    program,
    areArrays.map((is) => (is ? length : 1)),
  );
  const place = f.state;
  const values: (RealArray | number)[] = new Array(steps.length);
  const read = (x: Operand, from: number, to: number): RealArray | number => {
    if (x.kind === 'constant') return x.value;
    if (x.kind === 'step') return values[x.index]!;
    return numbers.get(x.name) ?? readers.get(x.name)!(from, to);
  };
  const take = (j: number, from: number, to: number, out?: RealArray): void => {
    const step = steps[j]!;
    seek(j, from);
    const operands = step.operands.map((x) => read(x, from, to));
    values[j] = call(step, operands, from, out);
  };
  try {
    for (const [j, are] of areArrays.entries()) if (!are) take(j, 0, 0);
    const isArray =
      result.kind === 'step'
        ? areArrays[result.index]!
        : result.kind === 'variable' && readers.has(result.name);
    if (!isArray) {
      finish();
      return read(result, 0, 0) as number;
    }
    const size = Math.min(blockBytes / Kind.BYTES_PER_ELEMENT, length);
    const buffers = steps.map((_, j) => (areArrays[j] ? newArray<RealArray>(Kind, size) : undefined));
    for (let from = 0; from < length; from += size) {
      const to = Math.min(from + size, length);
      for (const [j, are] of areArrays.entries()) {
        if (!are) continue;
        const own = to - from === size ? buffers[j]! : buffers[j]!.subarray(0, to - from);
        take(j, from, to, (j === steps.length - 1 ? placeOf(from, to) : undefined) ?? own);
      }
      write(read(result, from, to) as RealArray, from);
    }
    finish();
    return undefined;
  } catch (error) {
    f.restore(place);
    throw error;
  }
}
