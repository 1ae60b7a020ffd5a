/**
 * The kernels of elementary functions against the scalar reference, which the oracles judge: the same bits in every deterministic mode, for
 * arguments of every binade, hard ones included, in both kinds of arrays, in place, in the shared memory, on threads.
 */
import { describe, expect, it } from 'vitest';
import { elementaryFunctions } from '../../src/arithmetic/elementary/index.ts';
import { type Format, toFormat } from '../../src/formats/index.ts';
import { elementaryArray } from '../../src/kernels/elementary/elementary-arrays.ts';
import { planElementary } from '../../src/kernels/elementary/elementary-plan.ts';
import { allocateFloat32, release } from '../../src/kernels/heap.ts';
import { arithmetic } from '../../src/operations/arithmetic.ts';
import { isStochastic, type RoundOptions, resolveRounding, roundingModes } from '../../src/rounding/index.ts';
import { generator } from '../random.ts';

const names = ['exp', 'log', 'sin', 'cos', 'tanh', 'erf'] as const;
const modes = roundingModes.filter((mode) => !isStochastic(mode));

/** Random bit patterns of binary32, numbers near 1 and 0, ends, specials. */
function arguments32(count: number, seed: number): Float32Array {
  const random = generator(seed);
  const next = (): number => random() * 2 ** 32;
  const words = Uint32Array.from({ length: count }, () => next());
  const x = new Float32Array(words.buffer);
  for (let i = 0; i < count; i += 2) {
    const u = random() - 0.5;
    // Every other one where results are neither trivial nor beyond the range.
    x[i] = [200 * u, 20 * u, 2 * u, 1 + u / 100, Math.exp(100 * u), u * 2 ** -Math.floor(40 * random())][
      Math.floor(6 * random())
    ]!;
  }
  const special = [
    0,
    -0,
    1,
    -1,
    Infinity,
    -Infinity,
    NaN,
    88.72284,
    88.722839,
    -103.97208,
    2 ** -149,
    2 ** -126,
  ];
  x.set(special, 1);
  return x;
}

function different(
  name: (typeof names)[number],
  x: Float32Array | Float64Array,
  format: Format,
  given: RoundOptions,
): string[] {
  const options = resolveRounding(format, given);
  const { evaluate } = elementaryFunctions[name];
  const out = x.slice();
  const scalar = (value: number): number => evaluate(value, 0, format, options, 0);
  expect(elementaryArray(name, x, out, format, options, 1, scalar)).toBe(true);
  const found: string[] = [];
  out.forEach((result, i) => {
    const expected = scalar(x[i]!);
    if (!Object.is(result, expected) && found.length < 5)
      found.push(`${name} ${x[i]}: ${result}, not ${expected}, ${JSON.stringify(given)}`);
  });
  return found;
}

describe.each(names)('%s', (name) => {
  it('of binary32, in every mode', () => {
    for (const [i, rounding] of modes.entries())
      expect(different(name, arguments32(4000, i + 1), toFormat('binary32'), { rounding })).toEqual([]);
  });

  it.each(['bfloat16', 'binary16', 'tf32', 'e5m2', 'e4m3fn', 'e4m3fnuz', 'dlfloat16', 'binary8p3se', 'fp24'])(
    'of all numbers of %s',
    (spelling) => {
      const format = toFormat(spelling);
      const values =
        format.bits <= 16 ? format.values() : [...arguments32(5000, 7)].filter((x) => format.has(x));
      const x = Float64Array.from([...values, -0, NaN, Infinity].filter((v) => format.has(v)));
      const some = format.bits === 16 ? x.filter((_, i) => i % 5 === 0) : x;
      for (const rounding of ['nearest-even', 'toward-positive', 'toward-zero', 'to-odd', 'jamming'] as const)
        for (const given of [{ rounding }, { rounding, saturation: 'finite', subnormals: 'flush' }] as const)
          if (planElementary(name, format, resolveRounding(format, given)) !== undefined)
            expect(different(name, some, format, given)).toEqual([]);
    },
  );

  it('in place, in the shared memory and on threads', () => {
    const options = resolveRounding(toFormat('binary32'), { rounding: 'toward-positive' });
    const binary32 = arithmetic('binary32', { rounding: 'toward-positive' });
    const x = arguments32(70001, 3);
    const expected = binary32[name](x) as Float32Array;
    const { evaluate } = elementaryFunctions[name];
    for (let i = 0; i < x.length; i += 97)
      expect(expected[i]).toBe(evaluate(x[i]!, 0, toFormat('binary32'), options, 0));
    expect(binary32[name](x, { threads: 2 })).toEqual(expected);
    const shared = allocateFloat32(x.length);
    const target = allocateFloat32(x.length);
    shared.set(x);
    binary32[name](shared, { threads: 2, out: target });
    expect(new Float32Array(target)).toEqual(expected);
    binary32[name](shared, { out: shared });
    expect(new Float32Array(shared)).toEqual(expected);
    const copy = x.slice();
    binary32[name](copy, { out: copy });
    expect(copy).toEqual(expected);
    release(shared);
    release(target);
  });
});

it('says where there is no kernel', () => {
  const pathOf = (name: string, format: string, options: RoundOptions = {}): boolean =>
    planElementary(name, toFormat(format), resolveRounding(toFormat(format), options)) !== undefined;
  expect(pathOf('exp', 'binary32')).toBe(true);
  expect(pathOf('atan', 'binary32')).toBe(false);
  expect(pathOf('exp', 'binary32', { rounding: 'stochastic' })).toBe(false);
  expect(pathOf('exp', 'binary64')).toBe(false);
  expect(pathOf('exp', 'posit16')).toBe(false);
});
