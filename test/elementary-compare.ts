/**
 * Comparison of the elementary functions with the oracles over all arguments of a format: the exact value as a stand-in that
 * every rounding treats alike, computed once an argument, then rounded by the table oracle in every mode.
 */
import { type ElementaryName, elementaryFunctions } from '../src/arithmetic/elementary/index.ts';
import type { Format } from '../src/formats/index.ts';
import {
  drawIntegers,
  isStochastic,
  type RoundOptions,
  resolveRounding,
  type SubnormalTreatment,
} from '../src/rounding/index.ts';
import { oracleElementary } from './oracles/elementary.ts';
import { type TableOracle, tableOracle } from './oracles/table.ts';

/** The functions but the remainder, which is no limit of digits and has tests of its own. */
export type ComparedName = Exclude<ElementaryName, 'remainder'>;
export const elementaryNames = Object.keys(elementaryFunctions).filter(
  (name) => name !== 'remainder',
) as ComparedName[];

/** Arguments, pairwise for functions of two. */
export interface Arguments {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** The value of every code of the format, or of every `step`-th. */
export function allValues(format: Format, step = 1): Float64Array {
  return Float64Array.from({ length: Math.ceil(2 ** format.bits / step) }, (_, i) => format.decode(i * step));
}

/** Every pair of values, or `count` pairs spread evenly over them. */
export function allPairs(format: Format, count = Infinity): Arguments {
  const values = allValues(format);
  const total = values.length ** 2;
  const length = Math.min(count, total);
  // An odd stride near the golden ratio visits pairs without a pattern.
  const stride = length === total ? 1 : Math.floor(total * 0.381966) | 1;
  const index = (i: number): number => Number((BigInt(i) * BigInt(stride)) % BigInt(total));
  const x = Float64Array.from({ length }, (_, i) => values[Math.floor(index(i) / values.length)]!);
  const y = Float64Array.from({ length }, (_, i) => values[index(i) % values.length]!);
  return { x, y };
}

export interface Comparison {
  cases: number;
  readonly mismatches: string[];
}

/** A function at all the arguments that are to be compared. */
export interface Task extends Arguments {
  readonly name: ComparedName;
  /** Stand-ins of the exact results, in the order of the arguments. */
  readonly exact: Float64Array;
}

/** A function with the stand-ins of its exact results. */
export function taskOf(name: ComparedName, format: Format, { x, y }: Arguments): Task {
  return { name, x, y, exact: x.map((a, i) => oracleElementary(name, a, y[i]!, format)) };
}

/** Where saturation and the treatment of subnormals can matter: results that are not within the format's normal range. */
export function outsideNormalRange({ name, x, y, exact }: Task, format: Format): Task {
  const [low, high] = format.kind === 'float' ? [2 * format.minNormal, format.max / 2] : [0, Infinity];
  const kept = Array.from(exact.keys()).filter(
    (i) => !(Math.abs(exact[i]!) > low && Math.abs(exact[i]!) < high),
  );
  const pick = (values: Float64Array): Float64Array => Float64Array.from(kept, (i) => values[i]!);
  return { name, x: pick(x), y: pick(y), exact: pick(exact) };
}

/** Every function of one argument at those arguments, and those of two at `pairs` pairs. */
export function tasksOf(format: Format, x: Float64Array, pairs: number): Task[] {
  return elementaryNames.map((name) =>
    taskOf(name, format, elementaryFunctions[name].arity === 1 ? { x, y: x } : allPairs(format, pairs)),
  );
}

/** Compares all tasks in every setting; the settings must suit the format, and not wrap. */
export function compareElementary(
  tasks: readonly Task[],
  format: Format,
  settings: readonly RoundOptions[],
): Comparison {
  const all = Float64Array.from(tasks.flatMap(({ exact }) => Array.from(exact)));
  const oracles = new Map<SubnormalTreatment, TableOracle>();
  const expected = new Float64Array(all.length);
  const none = new Uint32Array(all.length);
  const comparison: Comparison = { cases: 0, mismatches: [] };
  for (const setting of settings) {
    const options = resolveRounding(format, setting);
    const random = isStochastic(options.rounding) ? drawIntegers(all.length, options) : none;
    const oracle = oracles.get(options.subnormals) ?? tableOracle(format, all, options.subnormals);
    oracles.set(options.subnormals, oracle);
    oracle.round(options, random, expected);
    let start = 0;
    for (const { name, x, y } of tasks) {
      const { evaluate } = elementaryFunctions[name];
      for (let i = 0; i < x.length; i++) {
        const actual = evaluate(x[i]!, y[i]!, format, options, random[start + i]!);
        const right = expected[start + i]!;
        if (!Object.is(actual, right) && comparison.mismatches.length < 10)
          comparison.mismatches.push(
            `${name}(${x[i]}, ${y[i]}) in ${format.name}, ${JSON.stringify(setting)}: ${actual}, not ${right}`,
          );
      }
      start += x.length;
    }
    comparison.cases += all.length;
  }
  return comparison;
}
