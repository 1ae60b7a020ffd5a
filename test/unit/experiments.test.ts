/** Experiments repeated, against plain formulae; pictures of rows, read back; what is refused. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { afterAll, describe, expect, it } from 'vitest';
import { arithmetic, plot, type Repeated, repeat, round } from '../../src/index.ts';
import { optionalPackage } from '../../src/optional.ts';

const folder = mkdtempSync(join(tmpdir(), 'halfulp-plots-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('repeat', () => {
  it('counts seeds up, and gives mean, standard deviation, interval and runs', () => {
    const seeds: number[] = [];
    const { mean, sd, interval, runs } = repeat(4, (seed) => {
      seeds.push(seed);
      return [1, 2, 4, 5][seed]!;
    });
    expect(seeds).toEqual([0, 1, 2, 3]);
    expect([mean, runs]).toEqual([3, [1, 2, 4, 5]]);
    expect(sd).toBeCloseTo(Math.sqrt(10 / 3), 14);
    // Student's t of 3 degrees of freedom: 3.1824.
    expect(interval[1] - mean).toBeCloseTo((3.1824 * Math.sqrt(10 / 3)) / 2, 12);
    expect(mean - interval[0]).toBeCloseTo(interval[1] - mean, 12);
    expect(repeat(2, (seed) => seed, { seed: 7 }).runs).toEqual([7, 8]);
  });

  it('is right to the last bits in the mean of numbers whose exact mean is known', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), { minLength: 2 }), (integers) => {
        const { mean, sd } = repeat(integers.length, (seed) => integers[seed]!);
        const exact = Number(integers.reduce((sum, value) => sum + BigInt(value), 0n)) / integers.length;
        const squares = integers.reduce((sum, value) => sum + (value - exact) ** 2, 0);
        expect(Math.abs(mean - exact)).toBeLessThanOrEqual(2 ** -50 * 2 ** 31);
        expect(sd).toBeCloseTo(Math.sqrt(squares / (integers.length - 1)), 3);
      }),
    );
  });

  it('gives runs that are all equal that mean and no spread', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 2, max: 40 }),
        (x, n) => {
          const { mean, sd, interval } = repeat(n, () => x);
          expect([mean, sd, interval]).toEqual([x + 0, 0, [x + 0, x + 0]]);
        },
      ),
    );
  });

  it('gives what it gives of numbers near 1 at the ends of the range of binary64, too', () => {
    const numbers = [1, -1.75, 1.5, 0.25];
    const plain = repeat(4, (seed) => numbers[seed]!);
    for (const scale of [2 ** 1023, 2 ** 600, 2 ** -600, 2 ** -1040]) {
      const { mean, sd, interval } = repeat(4, (seed) => numbers[seed]! * scale);
      expect([mean, sd, interval]).toEqual([
        plain.mean * scale,
        plain.sd * scale,
        plain.interval.map((end) => end * scale),
      ]);
    }
  });

  it('has an interval without end for one run, and no mean where there is none', () => {
    expect(repeat(1, () => 3)).toMatchObject({ mean: 3, sd: NaN, interval: [-Infinity, Infinity] });
    expect(repeat(2, () => Infinity)).toMatchObject({ mean: Infinity, sd: NaN });
    expect(repeat(2, (seed) => (seed === 0 ? Infinity : 1)).mean).toBe(Infinity);
    expect(repeat(3, (seed) => (seed === 1 ? NaN : 1)).mean).toBeNaN();
  });

  it('takes lists and objects, each number by itself', () => {
    const result = repeat(3, (seed) => ({
      a: seed,
      curve: [seed, 2 * seed],
      deep: { b: Float32Array.of(seed) },
    }));
    expect(result.a.mean).toBe(1);
    expect(result.curve.map(({ mean }) => mean)).toEqual([1, 2]);
    expect(result.deep.b[0]!.runs).toEqual([0, 1, 2]);
  });

  it('runs asynchronous experiments one after another', async () => {
    let open = 0;
    const result: Repeated = await repeat(5, async (seed) => {
      expect(++open).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      open--;
      return seed;
    });
    expect(result.runs).toEqual([0, 1, 2, 3, 4]);
    await expect(repeat(3, async (seed) => (seed === 2 ? 'x' : 1))).rejects.toThrow("experiment: got 'x'");
  });

  it('finds stochastic rounding right in the mean, to its interval', () => {
    const { mean, sd, interval } = repeat(400, (seed) => {
      const f = arithmetic('e4m3fn', { rounding: 'stochastic', seed });
      return f.add(f.convert(0.3), 0.0625);
    });
    expect(interval[0] < 0.3625 && 0.3625 < interval[1]).toBe(true);
    expect(Math.abs(mean - 0.3625)).toBeLessThan(sd);
  });

  it.each([
    [() => repeat(0, () => 1), 'runs'],
    [() => repeat(2.5, () => 1), 'runs'],
    [() => repeat(2, 1 as never), 'experiment'],
    [() => repeat(2, () => 1, { seeds: 1 } as never), 'options.seeds'],
    [() => repeat(2, () => 1, { seed: -1 }), 'options.seed'],
    [() => repeat(2, () => 'x'), 'experiment'],
    [() => repeat(2, () => ({ format: 'e2m1' })), 'experiment.format'],
    [() => repeat<unknown>(2, (seed) => (seed === 0 ? { a: 1 } : { b: 1 })), 'experiment'],
    [() => repeat<unknown>(2, (seed) => [1, seed === 0 ? 1 : null]), 'experiment[1]'],
  ])('refuses case %#', (call, argument) => {
    expect(call).toThrow(expect.objectContaining({ name: 'ArgumentError', argument }));
  });
});

const rows = ['e2m1', 'e4m3fn'].flatMap((format) =>
  [1, 2, 4].map((n) => ({ format, n, value: round(n / 3, format), ends: [0, n], word: `${n}` })),
);

function drawn(svg: string) {
  const { document } = parseHTML(svg);
  const shapes = (label: string) =>
    ['path', 'rect', 'line'].map((shape) => `[aria-label="${label}"] ${shape}`);
  return (label: string) => [...document.querySelectorAll(shapes(label).join(', '))];
}

describe('plot', () => {
  it('draws a line, its points and its band for each series', async () => {
    const svg = await plot(rows, {
      x: { value: 'n', type: 'log' },
      y: 'value',
      band: 'ends',
      series: 'format',
    });
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    const marks = drawn(svg);
    expect([marks('line').length, marks('area').length, marks('dot').length]).toEqual([2, 2, 6]);
    for (const name of ['e2m1', 'e4m3fn']) expect(svg).toContain(`>${name}</text>`);
    expect(svg).toContain('<title>value against n</title>');
  });

  it('draws bars along words, panels, words at rows, and rules', async () => {
    const bars = drawn(
      await plot(rows, { x: 'value', y: 'word', kind: 'bar', facet: 'format', text: ({ n }) => `n=${n}` }),
    );
    expect(bars('bar')).toHaveLength(6);
    const dots = await plot(rows, { x: 'n', y: 'value', kind: 'dot', band: () => 0.5, rules: { u: 0.25 } });
    expect(drawn(dots)('rule')).toHaveLength(6 + 1);
    expect(dots).toContain('>u</text>');
  });

  it('takes what repeat gives', async () => {
    const repeated = [2, 4].map((n) => ({ n, ...repeat(5, (seed) => n * seed) }));
    const marks = drawn(await plot(repeated, { x: 'n', y: 'mean', band: 'interval' }));
    expect(marks('area')).toHaveLength(1);
    expect(drawn(await plot(repeated, { x: 'n', y: 'mean', band: 'sd' }))('area')).toHaveLength(1);
  });

  it('writes a file, whole', async () => {
    const file = join(folder, 'a.svg');
    const svg = await plot(rows, { x: 'n', y: 'value', file });
    expect(readFileSync(file, 'utf8')).toBe(svg);
    const nowhere = join(folder, 'no', 'a.svg');
    await expect(plot(rows, { x: 'n', y: 'value', file: nowhere })).rejects.toThrow(
      `cannot write ${nowhere}`,
    );
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });

  it.each([
    [{ x: 'nn', y: 'value' }, 'x', 'did you mean n?'],
    [{ y: 'value' }, 'x', 'a function of a row, or a field'],
    [{ x: { value: 'n', scale: 'log' }, y: 'value' }, 'x.scale', ''],
    [{ x: { value: 'n', type: 'logarithmic' }, y: 'value' }, 'x.type', ''],
    [{ x: 'n', y: 'value', band: 'word' }, 'band[0]', 'half the width'],
    [{ x: 'n', y: 'value', bands: 'ends' }, 'options.bands', 'did you mean band'],
    [{ x: 'n', y: 'value', kind: 'curve' }, 'kind', ''],
    [{ x: 'n', y: 'value', width: 1 }, 'width', ''],
    [{ x: 'n', y: 'value', rules: { u: 'x' } }, 'rules.u', 'a finite number'],
  ])('refuses %j', async (options, argument, accepted) => {
    await expect(plot(rows, options as never)).rejects.toMatchObject({
      ...{ name: 'ArgumentError', argument },
      accepted: expect.stringContaining(accepted),
    });
  });

  it('refuses what are no rows', async () => {
    for (const [wrong, argument] of [
      [[], 'rows'],
      ['x', 'rows'],
      [[1], 'rows[0]'],
    ] as const)
      await expect(plot(wrong as never, { x: 'n', y: 'n' } as never)).rejects.toMatchObject({ argument });
  });
});

it('an optional package that is not there is asked for by name', async () => {
  const missing = (): Promise<unknown> => import('halfulp-no-such-package' as string);
  await expect(optionalPackage('plot', '@observablehq/plot', missing)).rejects.toMatchObject({
    name: 'ArgumentError',
    message:
      "plot: got '@observablehq/plot, which is not installed'; accepted: npm install @observablehq/plot",
  });
  const broken = async (): Promise<never> => Promise.reject(new Error('broken'));
  await expect(optionalPackage('plot', 'x', broken)).rejects.toThrow(/^broken$/);
  // Chromium's words, and Firefox's.
  for (const words of [
    "Failed to resolve module specifier 'x'",
    'The specifier “x” was a bare specifier, but was not remapped to anything.',
  ])
    await expect(
      optionalPackage('plot', 'x', () => Promise.reject(new TypeError(words))),
    ).rejects.toMatchObject({ name: 'ArgumentError' });
});
