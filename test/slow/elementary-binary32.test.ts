/**
 * The kernels of elementary functions of binary32 against the scalar reference, argument by argument. The quick way takes every 257th of the
 * 2^32 arguments. HALFULP_ARGUMENTS=all takes all of them, which is 4 hours a function and mode; with HALFULP_PROGRESS=FILE what was
 * done before is not done again.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { elementaryFunctions } from '../../src/arithmetic/elementary/index.ts';
import { toFormat } from '../../src/formats/index.ts';
import { elementaryArray } from '../../src/kernels/elementary/elementary-arrays.ts';
import { resolveRounding } from '../../src/rounding/index.ts';

const all = process.env['HALFULP_ARGUMENTS'] === 'all';
const progress = process.env['HALFULP_PROGRESS'];
const stride = all ? 1 : 257;
const block = 2 ** 22;
const binary32 = toFormat('binary32');

const done = new Set<string>(
  progress !== undefined && existsSync(progress)
    ? (JSON.parse(readFileSync(progress, 'utf8')) as string[])
    : [],
);

it.each([
  ['exp', 'nearest-even'],
  ['log', 'nearest-even'],
  ['tanh', 'nearest-even'],
  ['sin', 'nearest-even'],
  ['cos', 'nearest-even'],
  ['erf', 'nearest-even'],
  ['exp', 'toward-positive'],
  ['log', 'toward-negative'],
  ['tanh', 'toward-zero'],
] as const)('%s, %s', (name, rounding) => {
  const options = resolveRounding(binary32, { rounding });
  const { evaluate } = elementaryFunctions[name];
  let asked = 0;
  const scalar = (x: number): number => {
    asked++;
    return evaluate(x, 0, binary32, options, 0);
  };
  let compared = 0;
  for (let from = 0; from < 2 ** 32; from += block * stride) {
    const key = `${name} ${rounding} ${stride} ${from}`;
    if (done.has(key)) continue;
    const count = Math.min(block, Math.ceil((2 ** 32 - from) / stride));
    const x = new Float32Array(Uint32Array.from({ length: count }, (_, i) => from + i * stride).buffer);
    const out = new Float32Array(count);
    expect(elementaryArray(name, x, out, binary32, options, 1, scalar)).toBe(true);
    for (let i = 0; i < count; i++) {
      const expected = evaluate(x[i]!, 0, binary32, options, 0);
      if (!Object.is(out[i], expected)) throw new Error(`${name} ${x[i]}: ${out[i]}, not ${expected}`);
    }
    compared += count;
    done.add(key);
    if (progress !== undefined) writeFileSync(progress, JSON.stringify([...done]));
  }
  console.info(`${name} ${rounding}: ${compared} arguments, ${asked} left to the reference`);
});
