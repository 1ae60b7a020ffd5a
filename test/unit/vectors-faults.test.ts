/** Planted faults: implementations with one thing wrong each are found out, and the fault is named. */
import { describe, expect, it } from 'vitest';
import { createArithmetic } from '../../src/arithmetic/arithmetic.ts';
import { type FloatFormat, formats, toFormat } from '../../src/formats/index.ts';
import { type RoundingMode, resolveRounding, roundScalar } from '../../src/rounding/index.ts';
import {
  type MismatchKind,
  type OperationOptions,
  type TestVector,
  type VectorOperation,
  type Verification,
  vectors,
  verify,
} from '../../src/testing/index.ts';

/** The lines of an implementation: the right ones, each changed by it. */
async function* linesOf(
  name: VectorOperation,
  options: OperationOptions & { level?: 1 | 2 | 'exhaustive'; count?: number },
  change: (vector: TestVector) => { z?: number; flags?: number },
): AsyncGenerator<string> {
  const format = toFormat(options.format as string);
  const digits = Math.ceil(format.bits / 4);
  for await (const vector of vectors(name, options)) {
    const { z = vector.results[0] as number, flags = vector.flags } = change(vector);
    const words = [...vector.operands, z].map((code) => code.toString(16).padStart(digits, '0'));
    yield `${words.join(' ')} ${flags.toString(16).padStart(2, '0')}\n`;
  }
}

async function judged(
  name: VectorOperation,
  options: OperationOptions & { level?: 1 | 2 | 'exhaustive'; count?: number },
  change: (vector: TestVector) => { z?: number; flags?: number },
): Promise<Verification> {
  const { level, count, ...rest } = options;
  return verify(name, linesOf(name, options, change), rest);
}

/** The kinds that were found, with more than none. */
function kindsOf({ kinds, differing }: Verification): MismatchKind[] {
  expect(Object.values(kinds).reduce((a, b) => a + b, 0)).toBe(differing);
  expect(differing).toBeGreaterThan(0);
  return Object.keys(kinds).sort() as MismatchKind[];
}

const { e4m3fn, e5m2 } = formats;

/** The exact product of two codes. */
function product({ operands }: TestVector, format: FloatFormat): number {
  return format.decode(operands[0]!) * format.decode(operands[1]!);
}

/** A number rounded by other rules than those that are asked for. */
function encoded(x: number, format: FloatFormat, options: Parameters<typeof resolveRounding>[1]): number {
  const value = roundScalar(x, format, resolveRounding(format, options), 0);
  return format.encode(value) as number;
}

const every = 'exhaustive' as const;
// A quarter of all pairs.
const all = { format: 'e4m3fn', level: 2, count: 16_384 } as const;
const ieee = { format: 'e5m2', level: 2, count: 16_384 } as const;

describe('a multiplier', () => {
  it('that is right differs nowhere', async () => {
    const found = await judged('mul', { ...all, level: every, count: 65536 }, () => ({}));
    expect([found.lines, found.differing, found.kinds, found.first]).toEqual([65536, 0, {}, []]);
  });

  it('with ties away from zero: wrong tie', async () => {
    const found = await judged('mul', all, (vector) => ({
      z: encoded(product(vector, e4m3fn), e4m3fn, { rounding: 'nearest-away' }),
    }));
    expect(kindsOf(found)).toEqual(['wrong tie']);
    expect(found.first[0]).toMatchObject({ column: 'z', reason: expect.stringContaining('a tie between') });
  });

  it('that drops what lies below the guard bits: lost sticky bit', async () => {
    // Five significant bits, truncated, then rounded: one guard bit alone.
    const wide = toFormat('float(11,4)') as FloatFormat;
    const found = await judged('mul', all, (vector) => {
      const x = product(vector, e4m3fn);
      if (!(Math.abs(x) <= 448 && Math.abs(x) >= e4m3fn.minNormal)) return {};
      const guarded = roundScalar(x, wide, resolveRounding(wide, { rounding: 'toward-zero' }), 0);
      return { z: encoded(guarded, e4m3fn, {}) };
    });
    expect(kindsOf(found)).toEqual(['lost sticky bit']);
  });

  it.each(['toward-positive', 'away-from-zero', 'toward-negative'] as const)(
    '%s that loses the sticky bit',
    async (rounding) => {
      const wide = toFormat('float(11,5)') as FloatFormat;
      const found = await judged('mul', { ...all, rounding }, (vector) => {
        const x = product(vector, e4m3fn);
        if (!(Math.abs(x) <= 448 && Math.abs(x) >= e4m3fn.minNormal)) return {};
        const guarded = roundScalar(x, wide, resolveRounding(wide, { rounding: 'toward-zero' }), 0);
        return { z: encoded(guarded, e4m3fn, { rounding }) };
      });
      expect(kindsOf(found)).toEqual(['lost sticky bit']);
    },
  );

  it('that truncates: wrong rounding, among ties and sticky bits', async () => {
    const found = await judged('mul', all, (vector) => {
      const x = product(vector, e4m3fn);
      return Math.abs(x) <= 448 ? { z: encoded(x, e4m3fn, { rounding: 'toward-zero' }) } : {};
    });
    expect(kindsOf(found)).toContain('wrong rounding');
  });

  it.each([e4m3fn, e5m2])('of %s that saturates, or does not: wrong overflow', async (format) => {
    const options = { ...all, format: format.name };
    const saturating = await judged('mul', options, (vector) => {
      const x = product(vector, format);
      return Number.isFinite(x) ? { z: encoded(x, format, { saturation: 'finite' }) } : {};
    });
    expect(kindsOf(saturating)).toEqual(['wrong overflow']);
    const not = await judged('mul', { ...options, saturation: 'finite' }, (vector) => {
      const x = product(vector, format);
      return Number.isFinite(x) ? { z: encoded(x, format, {}) } : {};
    });
    expect(kindsOf(not)).toEqual(['wrong overflow']);
  });

  it('without subnormal results: wrong subnormal', async () => {
    const found = await judged('mul', all, (vector) => {
      const value = e4m3fn.decode(vector.results[0]!);
      const isSubnormal = Math.abs(value) < e4m3fn.minNormal;
      return isSubnormal ? { z: (vector.results[0] as number) & 0x80 } : {};
    });
    // What lies between zero and the smallest number is rounded to zero by chance, in ties and otherwise.
    expect(kindsOf(found)).toContain('wrong subnormal');
    expect(found.kinds['wrong value']).toBeUndefined();
  });

  it('that forgets the sign of zero', async () => {
    const found = await judged('mul', all, ({ results }) => (results[0] === 0x80 ? { z: 0 } : {}));
    expect(kindsOf(found)).toEqual(['sign of zero']);
  });

  it('that gives a number for NaN, or NaN for a number', async () => {
    const none = await judged('mul', all, ({ operands, results }) =>
      operands[0] === 0x7f ? { z: 0x7e } : { z: results[0] as number },
    );
    expect(kindsOf(none)).toEqual(['NaN']);
    const some = await judged('mul', all, ({ operands }) => (operands[0] === 0 ? { z: 0x7f } : {}));
    expect(kindsOf(some)).toEqual(['NaN']);
  });

  it('that makes infinity times two the largest number: wrong infinity', async () => {
    const found = await judged('mul', { ...ieee, level: every, count: 65536 }, ({ operands }) =>
      operands[0] === 0x7c && operands[1] === 0x40 ? { z: 0x7b } : {},
    );
    expect(kindsOf(found)).toEqual(['wrong infinity']);
  });

  it.each([1, 2, 4, 16])('without the flag %i: wrong flag', async (bit) => {
    const found = await judged('mul', ieee, ({ flags }) => ({ flags: flags & ~bit }));
    expect(kindsOf(found)).toEqual(['wrong flag']);
    expect(found.first[0]).toMatchObject({
      column: 'flags',
      reason: expect.stringContaining('is right, not'),
    });
  });

  it('that raises underflow before rounding: wrong flag', async () => {
    const options = { format: 'e5m2' } as const;
    const lines = linesOf('mul', { ...options, level: every, tininess: 'before' }, () => ({}));
    expect(kindsOf(await verify('mul', lines, options))).toEqual(['wrong flag']);
  });

  it('that is wrong by far: wrong value', async () => {
    const found = await judged('mul', { ...all, level: every, count: 65536 }, ({ operands, results }) =>
      operands[0] === 0x38 && operands[1] === 0x38 ? { z: (results[0] as number) + 5 } : {},
    );
    expect(kindsOf(found)).toEqual(['wrong value']);
  });
});

describe('others', () => {
  it('a divider that does not say infinite: wrong flag', async () => {
    const found = await judged('div', ieee, ({ flags }) => ({ flags: flags & ~8 }));
    expect(kindsOf(found)).toEqual(['wrong flag']);
  });

  it('an adder of posits whose ties go up, and one that rounds by value', async () => {
    const up = await judged('add', { format: 'posit8', level: 'exhaustive' }, ({ operands, results }) => {
      const [a, b] = operands.map((code) => formats.posit8.decode(code));
      const wider = toFormat('posit(9,2)');
      const sum = a! + b!;
      const isTie = wider.has(sum) && !formats.posit8.has(sum) && Math.abs(sum) < formats.posit8.max;
      const even = formats.posit8.decode(results[0]!);
      // The even code is the outer one where it is farther from zero than the sum.
      return isTie
        ? { z: ((results[0] as number) + (Math.abs(even) > Math.abs(sum) === sum > 0 ? 255 : 1)) & 255 }
        : {};
    });
    expect(kindsOf(up)).toEqual(['wrong tie']);
  });

  it('an integer adder that wraps: wrong overflow', async () => {
    const found = await judged('add', { format: 'int4', level: 'exhaustive' }, ({ operands }) => ({
      z: ((operands[0] as number) + (operands[1] as number)) & 15,
    }));
    expect(kindsOf(found)).toEqual(['wrong overflow']);
  });

  it('a stochastic adder that compares one off: wrong rounding', async () => {
    const options = { format: 'e5m2', rounding: 'stochastic', randomBits: 3 } as const;
    const lines = async function* (): AsyncGenerator<string> {
      for await (const { operands, flags } of vectors('mul', { ...options, level: 2, count: 3000 })) {
        const [a, b, r] = operands as [number, number, number];
        const { format: _, ...rounding } = options;
        const late = createArithmetic('e5m2', { ...rounding, random: Uint32Array.of(Math.max(0, r - 1)) });
        const z = e5m2.encode(late.mul(e5m2.decode(a), e5m2.decode(b)));
        const words = [a, b].map((code) => code.toString(16).padStart(2, '0'));
        yield `${words.join(' ')} ${r} ${z.toString(16).padStart(2, '0')} ${flags.toString(16).padStart(2, '0')}\n`;
      }
    };
    const found = await verify('mul', lines(), options);
    expect(kindsOf(found)).toEqual(['wrong rounding']);
  });

  it('a quantiser with another scale, and with another code', async () => {
    const lines = async function* (change: (codes: number[]) => unknown): AsyncGenerator<string> {
      for await (const { operands, results } of vectors('quantize', {
        format: 'mxfp4',
        count: 50,
        seed: 5,
      })) {
        const codes = [...results] as number[];
        change(codes);
        const words = operands.map((code) => code.toString(16).padStart(8, '0'));
        yield `${words.join(' ')} ${codes[0]!.toString(16).padStart(2, '0')} ${codes
          .slice(1)
          .map((code) => code.toString(16))
          .join(' ')}\n`;
      }
    };
    const mxfp4 = { format: 'mxfp4' } as const;
    const scales = await verify(
      'quantize',
      lines((codes) => codes.splice(0, 1, codes[0]! ^ 1)),
      mxfp4,
    );
    expect(kindsOf(scales)).toEqual(['NaN', 'wrong scale']);
    const others = await verify(
      'quantize',
      lines((codes) => codes.splice(7, 1, codes[7]! ^ 8)),
      mxfp4,
    );
    expect(others.first[0]!.column).toBe('code6');
    expect(others.differing).toBe(50);
  });

  it('dot: the neighbour of the right sum', async () => {
    const options = { format: 'binary16', terms: 2 } as const;
    const found = await judged('dot', { ...options, count: 400 }, ({ results, operands }) => {
      const right = results[0] as number;
      return (right & 0x7c00) === 0x3c00 && operands.length > 0 ? { z: right ^ 1, flags: 0 } : {};
    }).catch((error: Error) => error);
    // The lines have no flags.
    expect(found).toMatchObject({ message: expect.stringMatching(/6 words .* not 7/) });
  });
});

describe('the modes of hardware', () => {
  const faulty = (asked: RoundingMode, done: RoundingMode): Promise<Verification> =>
    judged('mul', { format: 'e5m2', rounding: asked, level: every }, (vector) => ({
      z: encoded(product(vector, e5m2), e5m2, { rounding: done }),
      flags: vector.flags,
    }));

  it.each([
    ['nearest-to-positive', 'nearest-to-negative'],
    ['nearest-to-positive', 'nearest-even'],
    ['nearest-to-negative', 'nearest-away'],
    ['nearest-odd', 'nearest-even'],
  ] as const)('%s done as %s: wrong ties, and overflows of ties', async (asked, done) => {
    const kinds = kindsOf(await faulty(asked, done));
    expect(kinds).toContain('wrong tie');
    expect(kinds.filter((kind) => kind !== 'wrong tie' && kind !== 'wrong overflow')).toEqual([]);
  });

  it('jamming of inexact results only: exact ones are wrong roundings, not lost bits', async () => {
    expect(kindsOf(await faulty('jamming', 'to-odd'))).toEqual(['wrong rounding']);
  });

  it('the sign lost where it is to be kept: wrong overflow', async () => {
    const int8 = toFormat('int8');
    const wrapped = await judged(
      'add',
      { format: 'int8', saturation: 'keep-sign', level: every },
      (vector) => {
        const sum = vector.operands.reduce<number>((total, code) => total + int8.decode(code), 0);
        const value = roundScalar(sum, int8, resolveRounding(int8, { saturation: 'wrap' }), 0);
        return { z: int8.encode(value) as number, flags: vector.flags };
      },
    );
    expect(kindsOf(wrapped)).toEqual(['wrong overflow']);
  });
});
