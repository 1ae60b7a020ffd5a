/** Scaling laws: their papers' own figures, and fits that find again what runs were made of. */
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import {
  bestSplit,
  criticalTokens,
  fitLaw,
  floatingPointCoefficients,
  floatingPointLaw,
  type LawFormName,
  lawForms,
  quantizationLaw,
} from '../../src/laws/index.ts';

const argumentOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    if (error instanceof ArgumentError) return error.argument;
    throw error;
  }
  return '';
};

describe('training in floating point', () => {
  test("the best splits are the paper's: E2M1, E4M3, E8M7", () => {
    expect([4, 8, 16].map((bits) => bestSplit(bits))).toMatchObject([
      { exponentBits: 2, mantissaBits: 1 },
      { exponentBits: 4, mantissaBits: 3 },
      { exponentBits: 8, mantissaBits: 7 },
    ]);
    for (let bits = 2; bits <= 32; bits++) {
      const { exponentBits, mantissaBits, exact } = bestSplit(bits);
      expect(exponentBits + mantissaBits).toBe(bits - 1);
      expect(exact.exponentBits + exact.mantissaBits).toBeCloseTo(bits - 1, 12);
      expect(Math.abs(exponentBits - exact.exponentBits)).toBeLessThan(1);
    }
  });

  test("the critical tokens of a billion parameters are the paper's: 1730 T, 27 T, 0.4 T", () => {
    const inTera = ['bfloat16', 'e4m3fn', 'e2m1'].map(
      (format) => criticalTokens({ format, parameters: 1e9 }) / 1e12,
    );
    expect(inTera.map((tokens) => Number(tokens.toPrecision(3)))).toEqual([1730, 27.3, 0.393]);
  });

  test('more tokens than the critical ones raise the loss, fewer too', () => {
    for (const block of [32, 512, 'channel'] as const) {
      const options = { format: 'e2m1', parameters: 3e8, block } as const;
      const tokens = criticalTokens(options);
      const at = (factor: number): number => floatingPointLaw({ ...options, tokens: factor * tokens }).loss;
      expect(at(1)).toBeLessThan(at(1.01));
      expect(at(1)).toBeLessThan(at(0.99));
    }
  });

  test('the terms add up, a format is its bits, coefficients act', () => {
    const options = { parameters: 4e8, tokens: 2e10, block: 64 };
    const of = floatingPointLaw({ ...options, format: 'e5m2' });
    expect(of.ofParameters + of.ofTokens + of.ofFormat + of.irreducible).toBe(of.loss);
    expect(floatingPointLaw({ ...options, exponentBits: 5, mantissaBits: 2 })).toEqual(of);
    expect(floatingPointLaw({ ...options, format: 'e5m2', coefficients: { epsilon: 1 } }).irreducible).toBe(
      1,
    );
    const { alpha, beta, gamma, delta, nu } = floatingPointCoefficients;
    const cost = ((2e10 ** beta / 4e8 ** alpha) * 6) / (gamma * 5.5 ** delta * 2.5 ** nu);
    expect(of.ofFormat / cost).toBeCloseTo(1, 12);
  });

  test('names what is wrong', () => {
    const whole = { parameters: 1e9, tokens: 1e9, format: 'e4m3fn' };
    const given = (more: object) => argumentOf(() => floatingPointLaw({ ...whole, ...more }));
    expect(given({ parameters: '1e9' })).toBe('parameters');
    expect(given({ tokens: 0 })).toBe('tokens');
    expect(given({ format: 'int8' })).toBe('format');
    expect(given({ mantissaBits: 3 })).toBe('mantissaBits');
    expect(given({ block: 1 })).toBe('block');
    expect(given({ blocks: 32 })).toBe('blocks');
    expect(given({ coefficients: { eps: 1 } })).toBe('coefficients.eps');
    expect(given({ coefficients: { nu: '3' } })).toBe('coefficients.nu');
    expect(argumentOf(() => bestSplit(1))).toBe('bits');
  });
});

test('quantisation adds less with parameters, more with tokens and larger groups', () => {
  const at = (more: object): number => quantizationLaw({ parameters: 1e9, tokens: 1e11, ...more });
  expect(at({ group: 128 })).toBe(at({}));
  expect(at({})).toBeCloseTo((0.1582 * 1e11 ** 0.0745 * 7 ** 0.7779) / 1e9 ** 0.2186, 12);
  expect(at({ parameters: 2e9 })).toBeLessThan(at({}));
  expect(at({ tokens: 2e11 })).toBeGreaterThan(at({}));
  expect(at({ group: 256 })).toBeGreaterThan(at({}));
  expect(argumentOf(() => at({ group: 1 }))).toBe('group');
  expect(argumentOf(() => at({ coefficients: { k: -1 } }))).toBe('coefficients.k');
});

/** Variables of runs, and the parameters of the law that made their losses. */
const worlds: Readonly<Record<LawFormName, readonly [runs: object[], truth: Record<string, number>]>> = {
  power: [[1, 2, 4, 8, 16, 32, 64].map((x) => ({ x })), { a: 3, alpha: 0.5, e: 0.2 }],
  chinchilla: [
    [1e5, 4e5, 1.6e6, 6.4e6].flatMap((parameters) =>
      [1e6, 4e6, 1.6e7].map((tokens) => ({ parameters, tokens })),
    ),
    { a: 40, alpha: 0.3, b: 200, beta: 0.35, e: 1.2 },
  ],
  efficiency: [
    [1e5, 1e6].flatMap((parameters) => [1e6, 4e6, 1.6e7].map((tokens) => ({ parameters, tokens }))),
    { a: 40, alpha: 0.3, b: 200, beta: 0.35, gamma: 1, e: 1.2, efficiencyN: 0.64, efficiencyD: 0.94 },
  ],
  'floating-point': [
    [4e7, 3e8, 7e8].flatMap((parameters) =>
      [1e10, 1e11].flatMap((tokens) =>
        [
          [4, 3],
          [2, 1],
          [3, 2],
          [1, 3],
        ].flatMap(([exponentBits, mantissaBits]) =>
          [32, 512].map((block) => ({ parameters, tokens, exponentBits, mantissaBits, block })),
        ),
      ),
    ),
    { ...floatingPointCoefficients },
  ],
  quantization: [
    [1e8, 1e9].flatMap((parameters) =>
      [1e10, 1e11].flatMap((tokens) => [32, 128, 512].map((group) => ({ parameters, tokens, group }))),
    ),
    { k: 0.1582, gammaN: 0.2186, gammaD: 0.0745, gammaG: 0.7779 },
  ],
};

describe('fits', () => {
  test.each(Object.keys(worlds) as LawFormName[])('find the parameters of %s again', async (name) => {
    const [runs, truth] = worlds[name];
    const rows = (runs as Record<string, number>[]).map((run) => ({
      ...run,
      loss: lawForms[name].value(truth, run),
    }));
    const { efficiencyN: _, efficiencyD: __, ...base } = truth;
    const fit = await fitLaw(name, rows, { starts: 12, ...(name === 'efficiency' && { fixed: base }) });
    for (const [parameter, value] of Object.entries(truth))
      expect(Math.abs(fit.parameters[parameter]!.value / value - 1)).toBeLessThan(1e-6);
    expect(fit.undetermined).toEqual([]);
    expect(fit.degreesOfFreedom).toBe(rows.length - (name === 'efficiency' ? 2 : Object.keys(truth).length));
    expect(fit.predict(rows[0]!).value).toBeCloseTo(rows[0]!.loss, 9);
  });

  test('have intervals that hold the truth in about 95 of 100 draws, and less noise makes them narrower', async () => {
    let state = 7;
    const uniform = (): number => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const [runs, truth] = worlds.power;
    const drawn = (noise: number) =>
      (runs as { x: number }[]).map(({ x }) => ({
        x,
        loss: lawForms.power.value(truth, { x }) + noise * normal(),
      }));
    let held = 0;
    for (let i = 0; i < 100; i++) {
      const { low, high } = (await fitLaw('power', drawn(0.02), { starts: 2 })).parameters['alpha']!;
      if (low <= 0.5 && 0.5 <= high) held++;
    }
    expect(held).toBeGreaterThanOrEqual(88);
    const width = async (noise: number) => {
      const { low, high } = (await fitLaw('power', drawn(noise), { starts: 4 })).predict({ x: 100 });
      return high - low;
    };
    expect(await width(0.001)).toBeLessThan(await width(0.05));
  });

  test('say which parameters runs leave open', async () => {
    const [runs, truth] = worlds.chinchilla;
    const rows = (runs as Record<string, number>[]).map((run) => ({
      ...run,
      loss: lawForms.chinchilla.value(truth, run),
    }));
    const { undetermined, parameters } = await fitLaw('efficiency', rows, { starts: 8 });
    expect(undetermined).toEqual(expect.arrayContaining(['a', 'efficiencyN']));
    expect(parameters['a']!.high).toBe(Number.POSITIVE_INFINITY);
  });

  test('foretell without end what the runs leave open, and name parameters without an end', async () => {
    const { value } = lawForms.chinchilla;
    const rows = [1e5, 3e5, 1e6, 3e6, 1e7, 3e7].map((parameters) => ({
      ...{ parameters, tokens: 1e9 },
      loss: value(worlds.chinchilla[1], { parameters, tokens: 1e9 }),
    }));
    const fit = await fitLaw('chinchilla', rows, { starts: 8 });
    expect(fit.undetermined).toEqual(['b', 'beta', 'e']);
    const inside = fit.predict({ parameters: 2e6, tokens: 1e9 });
    expect(inside.value).toBeCloseTo(value(worlds.chinchilla[1], { parameters: 2e6, tokens: 1e9 }), 9);
    expect(inside.high - inside.low).toBeLessThan(1e-6);
    expect(fit.predict({ parameters: 2e6, tokens: 1e12 })).toMatchObject({ low: 0, high: Infinity });
    const rising = await fitLaw(
      'power',
      [1, 2, 4, 8, 16].map((x) => ({ x, loss: x })),
      { starts: 4 },
    );
    for (const [name, { high }] of Object.entries(rising.parameters))
      expect(rising.undetermined.includes(name)).toBe(high === Infinity);
  });

  test('do not go by the unit of the losses, nor need them to differ', async () => {
    for (const unit of [1e-9, 1e-6, 1, 1e6]) {
      const rows = [1, 2, 4, 8, 16, 32].map((x) => ({ x, loss: unit * (3 / Math.sqrt(x) + 0.2) }));
      const { parameters, r2 } = await fitLaw('power', rows);
      expect(parameters['a']!.value / unit).toBeCloseTo(3, 6);
      expect(parameters['alpha']!.value).toBeCloseTo(0.5, 6);
      expect(r2).toBeCloseTo(1, 9);
    }
    const { r2 } = await fitLaw(
      'power',
      [1, 2, 4, 8, 16].map((x) => ({ x, loss: 2 })),
      { starts: 4 },
    );
    expect(r2).toBeNaN();
  });

  test('take formats without exponent or mantissa, and differences below 0', async () => {
    const law = { parameters: 1e9, tokens: 1e10, block: 32 };
    const [runs, truth] = worlds['floating-point'];
    const bits = { exponentBits: 3, mantissaBits: 0 };
    const rows = [...(runs as Record<string, number>[]), { ...law, ...bits }].map((run) => ({
      ...run,
      loss: lawForms['floating-point'].value(truth, run),
    }));
    const fit = await fitLaw('floating-point', rows, { starts: 12 });
    expect(fit.parameters['nu']!.value).toBeCloseTo(truth['nu']!, 6);
    expect(fit.predict({ ...law, exponentBits: 0, mantissaBits: 3 }).value).toBeCloseTo(
      floatingPointLaw({ ...law, exponentBits: 0, mantissaBits: 3 }).loss,
      6,
    );
    const [groups, differences] = worlds.quantization;
    const noisy = (groups as Record<string, number>[]).map((run, i) => ({
      ...run,
      loss: lawForms.quantization.value(differences, run) - (i === 0 ? 1 : 0),
    }));
    expect((await fitLaw('quantization', noisy, { starts: 2 })).rows).toBe(noisy.length);
  });

  test('name what is wrong', async () => {
    const rows = Array.from({ length: 6 }, (_, i) => ({ x: i + 1, loss: 1 / (i + 1) }));
    const refusal = (...given: unknown[]) =>
      (fitLaw as (...all: unknown[]) => Promise<unknown>)(...given).then(
        () => '',
        (error) => (error as ArgumentError).argument,
      );
    expect(await refusal('powr', rows)).toBe('form');
    expect(await refusal('power', rows.slice(0, 3))).toBe('rows');
    expect(await refusal('power', [{ x: 0, loss: 1 }, ...rows])).toBe('rows[0].x');
    expect(await refusal('power', [...rows, { x: 1 }])).toBe('rows[6].loss');
    expect(await refusal('power', [...rows, { x: 1, loss: -1 }])).toBe('rows[6].loss');
    expect(await refusal('power', rows, { fixed: { b: 1 } })).toBe('options.fixed.b');
    expect(await refusal('power', rows, { fixed: { a: 1, alpha: 1, e: 1 } })).toBe('options.fixed');
    expect(await refusal('power', rows, { start: 3 })).toBe('options.start');
    expect(await refusal('power', rows, { starts: 0 })).toBe('options.starts');
    const fit = await fitLaw('power', rows, { starts: 2 });
    expect(argumentOf(() => fit.predict({}))).toBe('variables.x');
  });
});
