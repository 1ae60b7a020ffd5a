/** Test vectors: what is written is read and found right, for every operation and form; cases, options, and lines that are none. */
import { describe, expect, it } from 'vitest';
import { formats, ulp } from '../../src/formats/index.ts';
import {
  type TestVector,
  VectorLineError,
  type VectorOperation,
  type VectorOptions,
  type VectorTextOptions,
  vectorForms,
  vectorOperations,
  vectors,
  vectorText,
  verify,
} from '../../src/testing/index.ts';

/** A format and options with which each operation makes sense. */
function optionsFor(name: VectorOperation): VectorOptions {
  switch (name) {
    case 'convert':
      return { from: 'binary32', format: 'e5m2' };
    case 'step':
    case 'mma':
      return { unit: 'hopper-fp8' };
    case 'quantize':
      return { format: 'nvfp4', blocks: 2 };
    default:
      return { format: 'binary16' };
  }
}

async function gathered<T>(items: AsyncIterable<T>, most = Infinity): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) {
    list.push(item);
    if (list.length >= most) break;
  }
  return list;
}

async function textOf(name: VectorOperation, options: VectorTextOptions): Promise<string> {
  return (await gathered(vectorText(name, options))).join('');
}

describe.each(vectorOperations)('%s', (name) => {
  it.each(vectorForms)('is written as %s and found right', async (form) => {
    const options = { ...optionsFor(name), form };
    const pieces = await gathered(vectorText(name, { ...options, count: 60, seed: 3 }));
    // In pieces that end anywhere.
    const cut = pieces.flatMap((piece) =>
      Array.from({ length: Math.ceil(piece.length / 37) }, (_, i) => piece.slice(37 * i, 37 * (i + 1))),
    );
    const found = await verify(name, cut, options);
    expect(found.first).toEqual([]);
    expect(found.kinds).toEqual({});
    expect(found.lines).toBeGreaterThan(30);
    expect(found.unspecified).toBe(0);
  });

  it('gives the same cases for the same seed, made one by one', async () => {
    const options = { ...optionsFor(name), count: 5, seed: 11 };
    const once = await gathered(vectors(name, options));
    expect(once.length).toBeGreaterThan(0);
    expect(await gathered(vectors(name, options))).toEqual(once);
  });
});

const kinds: readonly [VectorOperation, VectorOptions][] = [
  ...(
    [
      'nearest-even',
      'nearest-to-positive',
      'nearest-odd',
      'toward-negative',
      'to-odd',
      'jamming',
      'stochastic',
    ] as const
  ).flatMap((rounding): [VectorOperation, VectorOptions][] => [
    ['add', { format: 'binary64', rounding, randomBits: 12 }],
    ['fma', { format: 'e4m3fn', rounding, saturation: 'finite' }],
    ['div', { format: 'binary8p3se', rounding, variant: 'C' }],
    ['mul', { format: 'float(6,9,unsigned,bits=24,bias=20,fn)', rounding }],
    ['round', { format: 'fixed(4,4)', rounding, saturation: 'wrap' }],
    ['round', { format: 'int8', rounding, saturation: 'keep-sign' }],
    ['dot', { format: 'bfloat16', rounding, terms: 3, accumulate: 'binary32', order: 'pairwise' }],
    ['norm', { format: 'e5m2', rounding, terms: 2 }],
    ['quantize', { format: 'mxfp4', rounding, direction: 'rceil' }],
    ['exp', { format: 'e3m4', rounding }],
  ]),
  ['add', { format: 'posit16' }],
  ['sqrt', { format: 'posit(11,1)', rounding: 'stochastic' }],
  ['sub', { format: 'int8' }],
  ['mul', { format: 'nf4' }],
  ['mul', { format: 'float(5,4,bias=15,emax=9)', nan: 'payload' }],
  ['neg', { format: 'ternary', missingNaN: 'zero' }],
  ['div', { format: 'logarithmic(4,3)' }],
  ['convert', { from: 'e4m3fnuz', format: 'int4', missingNaN: 'max' }],
  ['convert', { from: 'posit32', format: 'binary16' }],
  ['convert', { from: 'binary16', format: 'binary64', nan: 'payload' }],
  ['compare', { format: 'posit8' }],
  ['mma', { unit: 'blackwell-nvfp4' }],
  ['step', { unit: 'ampere-tf32' }],
  ['quantize', { format: 'mxint8', symmetric: true }],
  ['quantize', { format: 'nvfp4', fourOverSix: 'mse', scaleMax: 256 }],
];

it.each(kinds)('%s %o: is written and found right', async (name, options) => {
  for (const form of ['testfloat', 'npy'] as const) {
    const pieces = await gathered(vectorText(name, { ...options, form, count: 300 }));
    const found = await verify(name, pieces, { ...options, form });
    expect(found.first).toEqual([]);
    expect(found.lines).toBeGreaterThan(150);
  }
});

describe('cases', () => {
  it('are all there are where they are exhaustive', async () => {
    const all = await gathered(vectors('mul', { format: 'e2m1', level: 'exhaustive' }));
    expect(all.map(({ operands }) => operands)).toEqual(
      Array.from({ length: 256 }, (_, i) => [i >> 4, i & 15]),
    );
    const random = await gathered(
      vectors('add', { format: 'e2m1', rounding: 'stochastic', randomBits: 2, level: 'exhaustive' }),
    );
    expect(random).toHaveLength(1024);
    // int8symmetric has no code 0x80, and no NaN for 0 / 0.
    const symmetric = await gathered(vectors('div', { format: 'int8symmetric', level: 'exhaustive' }));
    expect(symmetric).toHaveLength(255 * 255 - 1);
  });

  it('are made when they are asked for: of 2^32 the first', async () => {
    const few = await gathered(vectors('add', { format: 'binary16', level: 'exhaustive' }), 3);
    expect(few.map(({ operands }) => operands)).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
    ]);
    expect(await gathered(vectorText('add', { format: 'binary16', level: 'exhaustive' }), 1)).toHaveLength(1);
  });

  it.each([
    [1, formats.bfloat16],
    [2, formats.e5m2],
  ] as const)('of level %s reach ties, subnormals, both ends, zeros and NaN', async (level, format) => {
    for (const name of ['add', 'mul', 'fma'] as const) {
      const seen = new Set<string>();
      const own = name === 'fma' && level === 2 ? { count: 100_000 } : {};
      for await (const { operands, results, flags } of vectors(name, { format, level, ...own })) {
        const value = format.decode(results[0]!);
        const size = Math.abs(value);
        if (Number.isNaN(value)) seen.add('NaN');
        else if (value === 0) seen.add(Object.is(value, -0) ? '-0' : '+0');
        else if (size === Infinity) seen.add(flags & 4 ? 'overflow' : 'infinity');
        else if (size < format.minNormal) seen.add(flags & 1 ? 'underflow' : 'subnormal');
        else if (size === format.max) seen.add('largest');
        const [a, b, c = 0] = operands.map((code) => format.decode(code));
        const exact = name === 'add' ? a! + b! : name === 'mul' ? a! * b! : a! * b! + c;
        if (Math.abs(exact - value) === ulp(value, format) / 2) seen.add('tie');
      }
      const wanted = ['+0', '-0', 'NaN', 'infinity', 'largest', 'overflow', 'subnormal', 'tie'];
      // Sums of subnormal numbers are exact.
      expect([...seen].sort(), name).toEqual([...wanted, ...(name === 'add' ? [] : ['underflow'])].sort());
    }
  });

  it('have the edges of a function of one operand', async () => {
    const list = await gathered(vectors('exp', { format: 'binary32' }));
    const of = (code: number): TestVector | undefined => list.find(({ operands }) => operands[0] === code);
    // The largest argument whose exponential is finite, 88.72283, and the next one.
    expect(of(0x42b17217)?.flags).toBe(1);
    expect(of(0x42b17218)?.flags).toBe(5);
  });

  it('are as many as are asked for', async () => {
    for (const count of [1, 7, 1000, 40_000])
      expect(await gathered(vectors('add', { format: 'binary32', count }))).toHaveLength(count);
  });
});

describe('underflow', () => {
  it('is told before or after rounding', async () => {
    // The exact product lies below the smallest normal number and rounds to it.
    const line = (flags: string): string[] => [`0001 3C00 0001 00\n03FF 3C01 0400 ${flags}\n`];
    const half = { format: 'binary16' } as const;
    expect((await verify('mul', line('01'), half)).differing).toBe(0);
    expect((await verify('mul', line('03'), { ...half, tininess: 'before' })).differing).toBe(0);
    expect((await verify('mul', line('03'), half)).kinds).toEqual({ 'wrong flag': 1 });
  });
});

describe('NaN', () => {
  const line = (z: string): string[] => [`7E01 3C00 ${z} 00\n`];
  it('is right by the rule that is asked for', async () => {
    const right = async (z: string, nan?: 'any' | 'canonical' | 'payload'): Promise<boolean> =>
      (await verify('add', line(z), { format: 'binary16', ...(nan && { nan }) })).differing === 0;
    expect(await right('FE55')).toBe(true);
    expect(await right('7E00', 'canonical')).toBe(true);
    expect(await right('7E01', 'canonical')).toBe(false);
    expect(await right('7E01', 'payload')).toBe(true);
    expect(await right('FE01', 'payload')).toBe(true);
    expect(await right('7E00', 'payload')).toBe(false);
    expect(await right('7C00', 'payload')).toBe(false);
  });

  it('hands its payload on through a conversion, quiet', async () => {
    const given = { from: 'binary16', format: 'binary32', nan: 'payload' } as const;
    expect((await verify('convert', ['7C01 7FC02000 10\nFD00 FFE00000 10\n'], given)).first).toEqual([]);
  });

  it('is left out where the format has none, or stands for what is asked', async () => {
    const convert = { from: 'binary16', format: 'int8' } as const;
    const found = await verify('convert', ['7E00 00 00\n3C00 01 00\n'], convert);
    expect([found.lines, found.unspecified, found.differing]).toEqual([1, 1, 0]);
    const zero = await verify('convert', ['7E00 00 10\n'], { ...convert, missingNaN: 'zero' });
    expect([zero.lines, zero.differing]).toEqual([1, 0]);
    const all = await gathered(vectors('convert', { ...convert, level: 'exhaustive' }));
    expect(all).toHaveLength(2 ** 16 - 2 * 1023);
  });
});

describe('lines that are none', () => {
  const before = '3C00 3C00 4000 00\n';
  async function refused(text: string, options: object = {}): Promise<VectorLineError> {
    const error = await verify('add', [text], { format: 'binary16', ...options }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(VectorLineError);
    return error as VectorLineError;
  }

  it.each([
    [
      'an odd number of digits',
      `${before}3C0 3C00 4000 00\n`,
      2,
      /4 hexadecimal digits for a, a code of binary16/,
    ],
    ['a word that is no number', `${before}\n3G00 3C00 4000 00\n`, 3, /4 hexadecimal digits/],
    ['too few words', `${before}3C00 3C00 4000\n`, 2, /4 words \(a b z flags\), not 3/],
    ['too many words', `${before}3C00 3C00 4000 00 00\n`, 2, /4 words/],
    ['flags beyond their bits', `${before}3C00 3C00 4000 20\n`, 2, /2 hexadecimal digits for flags/],
    ['an end in the middle', `${before}3C00 3C00 40`, 2, /ends in the middle/],
    ['an end within the flags', `${before}3C00 3C00 4000 0`, 2, /ends in the middle/],
  ])('%s', async (_, text, line, words) => {
    const error = await refused(text);
    expect(error.line).toBe(line);
    expect(error.message).toMatch(words);
    expect(error.verification).toMatchObject({ lines: 1, differing: 0 });
  });

  it('other forms', async () => {
    const csv = { form: 'csv' } as const;
    expect((await refused('a,b,c\n', csv)).message).toContain('the columns a, b, z, flags');
    expect((await refused('a,b,z,flags\n0x3C00,0x3C00,0x4000\n', csv)).message).toContain('4 cells, not 3');
    expect((await refused('a,b,z,flags\n3C00,0x3C00,0x4000,0x00\n', csv)).message).toContain('0x and');
    const jsonl = { form: 'jsonl' } as const;
    for (const wrong of ['{"a":"0x3C00"', '[1]', '{"a":"0x3C00","b":"0x3C00","z":"0x4000","flag":0}', '3'])
      expect((await refused(`${wrong}\n`, jsonl)).message).toContain('an object with a, b, z, flags');
    expect((await refused('{"a":"0x3C00","b":"0x3C00","z":"0x4000","flags":32}\n', jsonl)).message).toContain(
      'flags from 0 to 31',
    );
    const readmemh = { form: 'readmemh' } as const;
    expect((await refused('// a word\n3C00_3C00_4000\n', readmemh)).message).toContain(
      '14 hexadecimal digits, not 12',
    );
    const npy = await refused('nothing of the kind', { form: 'npy' });
    expect(npy.message).toContain('.npy');
  });

  it('CSV in any order, words of $readmemh without underscores, CRLF', async () => {
    const half = { format: 'binary16' } as const;
    const csv = 'flags,z,b,a\r\n0x00,0x4000,0x3C00,0x3C00\r\n';
    expect((await verify('add', [csv], { ...half, form: 'csv' })).lines).toBe(1);
    expect((await verify('add', ['3c003c00400000\n'], { ...half, form: 'readmemh' })).lines).toBe(1);
    expect((await verify('add', ['3C00 3C00 4000 00\r\n'], half)).lines).toBe(1);
  });

  it('a .npy file that is cut short, or of other rows', async () => {
    const [head, rows] = (await gathered(
      vectorText('add', { format: 'binary16', form: 'npy', count: 10 }),
    )) as [Uint8Array, Uint8Array];
    const cut = verify('add', [head, rows.slice(0, 60)], { format: 'binary16', form: 'npy' });
    await expect(cut).rejects.toMatchObject({ line: 9, verification: { lines: 8 } });
    const other = verify('add', [head, rows], { format: 'binary32', form: 'npy' });
    await expect(other).rejects.toThrow(/\('a', '<u4'\)/);
    expect(new TextDecoder().decode(head.subarray(10)).trimEnd()).toBe(
      "{'descr': [('a', '<u2'), ('b', '<u2'), ('z', '<u2'), ('flags', '|u1')], 'fortran_order': False, 'shape': (10,), }",
    );
    expect(head.length % 64).toBe(0);
  });

  it('a source that is none', async () => {
    for (const source of [5, null, undefined, {}, [1], [new Float32Array(2)], [null]] as never[])
      await expect(verify('add', source, { format: 'binary16' })).rejects.toThrow(
        /source: got .*pieces of text or bytes/,
      );
    expect((await verify('add', '3C00 3C00 4000 00', { format: 'binary16' })).lines).toBe(1);
  });

  it('an operand that is no value of its format', async () => {
    const refusedCode = verify('add', ['3 0 0 00\n'], { format: 'ternary' });
    await expect(refusedCode).rejects.toThrow("line 1: got '0x3'; accepted: a, a code of ternary");
  });
});

describe('options', () => {
  it('that mean nothing to an operation are refused with its own', () => {
    expect(() => vectors('add', { format: 'binary16', terms: 4 })).toThrow(
      /terms: got 4; accepted: nothing with add/,
    );
    expect(() => vectors('compare', { format: 'binary16', rounding: 'to-odd' })).toThrow(
      'nothing with compare',
    );
    expect(() => vectors('mma', { unit: 'hopper-fp8', format: 'e4m3fn' })).toThrow('nothing with mma');
    expect(() => vectors('dot', { format: 'e4m3fn', accumulate: 'hopper-fp8' })).toThrow(/^accumulate.*mma/);
    const own = { kind: 'aligned', operands: 'e4m3fn', group: 0, fractionBits: 20 } as const;
    expect(() => vectors('mma', { unit: own })).toThrow(/^unit\.group/);
    expect(() => vectors('ad' as VectorOperation, { format: 'binary16' })).toThrow(
      /operation: got 'ad'; accepted: add/,
    );
    expect(() => vectors('add', { format: 'binary16', tinyness: 'after' } as object)).toThrow(
      'did you mean tininess',
    );
    expect(() => vectors('add', { format: 'posit16', rounding: 'to-odd' })).toThrow(
      'nearest-even, stochastic',
    );
    expect(() => vectors('add', {})).toThrow(/format: got undefined/);
    expect(() => vectors('convert', { format: 'binary16' })).toThrow(/from: got undefined/);
    expect(() => vectors('quantize', { format: 'binary16' })).toThrow('a block format');
    expect(() => vectors('mma', {})).toThrow(/unit: got undefined/);
    expect(() => vectors('add', { format: 'float(Infinity,4)' })).toThrow('at most 64 bits');
    expect(() => vectors('add', { format: 'binary32', level: 'exhaustive' })).toThrow(
      'have 64 bits, more than 32',
    );
    expect(() => vectors('add', { format: 'binary16', level: 3 as 2 })).toThrow('1, 2, exhaustive');
    expect(() => vectors('add', { format: 'binary16', count: 0 })).toThrow('an integer from 1');
    expect(() => vectorText('add', { format: 'binary16', form: 'xml' as 'csv' })).toThrow('testfloat, csv');
  });

  it('mulAdd is fma', async () => {
    const both = ['fma', 'mulAdd'].map((name) =>
      textOf(name as VectorOperation, { format: 'e5m2', count: 100 }),
    );
    expect(await both[1]).toBe(await both[0]);
  });
});
