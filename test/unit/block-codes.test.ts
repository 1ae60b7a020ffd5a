/** 8-bit states by loops and by kernels of their own: the bytes and the numbers of the quantiser that defines them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formats } from '../../src/formats/index.ts';
import { blockCodesOn, type CodedBlocks } from '../../src/kernels/block-codes.ts';
import { privateHeap } from '../../src/kernels/heap.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { codedZeros, codeTable, readBlocks, writeBlocks } from '../../src/train/optimizers/block-codes.ts';

const pattern = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const near = fc
  .tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: -149, max: 127 }))
  .map(([x, k]) => x * 2 ** k);

/** Numbers of all patterns, of one magnitude, and 0. */
const numbers = fc.oneof(
  fc
    .array(pattern, { minLength: 1, maxLength: 70 })
    .map((all) => new Float32Array(Uint32Array.from(all).buffer)),
  fc.array(near, { minLength: 1, maxLength: 70 }).map((all) => Float32Array.from(all)),
  fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 70 })
    .map((all) => Float32Array.from(all, (x) => x ** 9)),
  fc
    .array(fc.constantFrom(0, -0, 1, -1e-30), { minLength: 1, maxLength: 20 })
    .map((all) => Float32Array.from(all)),
);

/** Numbers from codes, and codes of numbers. */
interface Way {
  write(codes: CodedBlocks, values: Float32Array): void;
  read(codes: CodedBlocks): Float32Array;
}

const heap = privateHeap();
const kernel = blockCodesOn(heap);
const atPointer = (count: number, fn: (pointer: number) => void): Float32Array => {
  const pointer = heap.allocate(4 * count);
  fn(pointer);
  const values = new Float32Array(heap.memory.buffer, pointer, count).slice();
  heap.free(pointer);
  return values;
};
const ways: Record<string, Way> = {
  loops: { write: writeBlocks, read: readBlocks },
  kernels: {
    write: (codes, values) =>
      void atPointer(codes.count, (pointer) => {
        new Float32Array(heap.memory.buffer, pointer, values.length).set(values);
        kernel.encode(pointer, codes);
      }),
    read: (codes) => atPointer(codes.count, (pointer) => kernel.decode(codes, pointer)),
  },
};

describe.each(
  (['dynamic8', 'dynamicUnsigned8'] as const).flatMap((name) =>
    Object.entries(ways).map(([by, way]) => [name, by, way] as const),
  ),
)('%s by %s', (name, _, way) => {
  const format = formats[name];
  const isSigned = name === 'dynamic8';
  const read = (x: Float32Array): Float32Array => (isSigned ? x : x.map(Math.abs));

  /** The definition: what is not finite is 0, and a sign that was lost is given back. */
  function defined(
    x: Float32Array,
    size: number,
  ): { readonly bytes: Uint8Array; readonly values: Float32Array } {
    const codec = quantizer({
      format: name,
      scale: { per: 'block', size, from: 'absmax', stored: 'decode' },
    });
    const finite = x.map((each) => (Number.isFinite(each) ? each : 0));
    const made = codec.quantize(finite, [x.length]);
    const codes = made.codes as Uint8Array;
    if (isSigned)
      finite.forEach((each, i) => {
        if (each < 0 && made.values[i]! >= 0) codes[i] = codes[i]! - 1;
        else if (each > 0 && made.values[i]! < 0) codes[i] = codes[i]! + 1;
      });
    const bytes = made.pack();
    return { bytes, values: codec.unpack(bytes, [x.length]).values as Float32Array };
  }

  it('has the bytes and the numbers of the quantiser', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 40 }), (given, size) => {
        const x = read(given);
        const own = codedZeros(format, x.length, size);
        expect([...way.read(own)]).toEqual([...x].map(() => 0));
        way.write(own, x);
        const { bytes, values } = defined(x, size);
        expect([...own.held]).toEqual([...bytes]);
        const found = way.read(own);
        values.forEach((value, i) => {
          expect(Object.is(found[i], value) || [i, x[i], found[i], value]).toBe(true);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('has the code of every number between -1 and 1 at a middle, and on either side', () => {
    const values = [...format.values()];
    const middles = values.slice(1).flatMap((value, i) => {
      const middle = Math.fround((value + values[i]!) / 2);
      const around = new Float32Array([middle]);
      const words = new Uint32Array(around.buffer);
      const at = words[0]!;
      return [-2, -1, 0, 1, 2].map((step) => {
        words[0] = at + step;
        return around[0]!;
      });
    });
    const x = read(Float32Array.from([1, ...middles, ...values]));
    const own = codedZeros(format, x.length, x.length);
    way.write(own, x);
    expect([...own.held]).toEqual([...defined(x, x.length).bytes]);
  });
});

describe.each(['e4m3fn', 'e5m2', 'int8'] as const)('%s by kernels', (name) => {
  const options = (size: number) =>
    ({ format: name, scale: { per: 'block', size, from: 'absmax' } }) as const;

  it('has the bytes and the numbers of the quantiser', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 40 }), (given, size) => {
        const x = given.map((each) => (Number.isFinite(each) ? each : 0));
        const codec = quantizer(options(size));
        const bytes = codec.quantize(x, [x.length]).pack();
        const held = new Uint8Array(bytes.length);
        const own = { count: x.length, size, table: codeTable(formats[name]), target: codec.high, held };
        ways['kernels']!.write(own, x);
        expect([...held]).toEqual([...bytes]);
        const found = ways['kernels']!.read(own);
        codec.unpack(bytes, [x.length]).values.forEach((value, i) => {
          expect(Object.is(found[i], value) || [i, x[i], found[i], value]).toBe(true);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('has the code of every middle, and of what lies on either side', () => {
    const format = formats[name];
    const values = [...new Set([...format.values()].filter(Number.isFinite))].sort((a, b) => a - b);
    const words = new Uint32Array(1);
    const around = new Float32Array(words.buffer);
    const x = Float32Array.from([
      format.max,
      ...values.slice(1).flatMap((value, i) => {
        around[0] = (value + values[i]!) / 2;
        const at = words[0]!;
        return [-1, 0, 1].map((step) => {
          words[0] = Math.max(0, at + step);
          return around[0]!;
        });
      }),
    ]).filter((each) => Math.abs(each) <= format.max);
    const codec = quantizer(options(x.length));
    const bytes = codec.quantize(x, [x.length]).pack();
    const held = new Uint8Array(bytes.length);
    ways['kernels']!.write(
      { count: x.length, size: x.length, table: codeTable(format), target: codec.high, held },
      x,
    );
    expect([...held]).toEqual([...bytes]);
  });
});

describe('AdamW on codes', () => {
  const f = Math.fround;
  const constants = {
    ...{ keep1: f(0.9), take1: f(0.1), keep2: f(0.999), take2: f(0.001) },
    ...{ added: f(1e-9), rate: f(0.01), left: f(0.99), decaysAfter: false },
  };
  const random = (count: number, from: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(17 * i + from) * 10 ** (((31 * i) % 9) - 6));

  /** A heap that knows what is allocated of it. */
  function counted() {
    const taken = new Set<number>();
    const own = {
      memory: heap.memory,
      allocate(bytes: number) {
        const pointer = heap.allocate(bytes);
        taken.add(pointer);
        return pointer;
      },
      free(pointer: number) {
        expect(taken.delete(pointer)).toBe(true);
        heap.free(pointer);
      },
    };
    return { taken, own };
  }

  /** Each operation rounded once. */
  function stepped(g: Float32Array, w: Float32Array, m: CodedBlocks, v: CodedBlocks, isAfter: boolean) {
    const { keep1, take1, keep2, take2, added, rate, left } = constants;
    const [first, second] = [readBlocks(m), readBlocks(v)];
    const next = w.map((each, i) => {
      first[i] = f(f(first[i]! * keep1) + f(g[i]! * take1));
      second[i] = f(f(second[i]! * keep2) + f(f(g[i]! * g[i]!) * take2));
      const step = f(f(first[i]! / f(f(Math.sqrt(second[i]!)) + added)) * rate);
      return isAfter ? f(f(each - step) * left) : f(f(each * left) - step);
    });
    writeBlocks(m, first);
    writeBlocks(v, second);
    return next;
  }

  it.each([
    [1, 1],
    [15, 256],
    [16, 16],
    [100, 7],
    [300, 48],
    [517, 256],
    [517, 1000],
  ])('gives %i weights in blocks of %i their bits, wherever their codes lie', (count, size) => {
    const { own, taken } = counted();
    const codec = blockCodesOn(own);
    const pointers = [0, 1, 2].map(() => own.allocate(4 * count));
    const numbersAt = (place: number) => new Float32Array(own.memory.buffer, pointers[place], count);
    for (const isAfter of [false, true]) {
      const made = () => [
        codedZeros(formats.dynamic8, count, size),
        codedZeros(formats.dynamicUnsigned8, count, size),
      ];
      const [expected, apart] = [made(), made()];
      const onHeap = made().map((codes) => codec.moved(codes));
      let weights = random(count, 5);
      for (let step = 0; step < 4; step++) {
        const g = random(count, step);
        const next = stepped(g, weights, expected[0]!, expected[1]!, isAfter);
        for (const [m, v] of [apart, onHeap] as const) {
          numbersAt(0).set(g);
          numbersAt(1).set(weights);
          const before = [m!.held.slice(), v!.held.slice()];
          const given = { ...constants, decaysAfter: isAfter };
          const take = codec.adam(pointers[0]!, pointers[1]!, pointers[2]!, m!, v!, given);
          // What is not taken changes nothing.
          expect([m!.held, v!.held]).toEqual(before);
          take!();
          next.forEach((each, i) => {
            expect(Object.is(numbersAt(2)[i], each) || [step, i, numbersAt(2)[i], each]).toBe(true);
          });
          expect([...m!.held]).toEqual([...expected[0]!.held]);
          expect([...v!.held]).toEqual([...expected[1]!.held]);
        }
        weights = next;
      }
      const [m, v] = onHeap;
      // A moment, a weight, and a step that nobody takes.
      for (const [place, value] of [
        [0, 3e38],
        [0, Number.NaN],
        [1, Number.NEGATIVE_INFINITY],
      ] as const) {
        numbersAt(0).set(random(count, 1));
        numbersAt(1).set(random(count, 2));
        numbersAt(place)[count - 1] = value;
        expect(codec.adam(pointers[0]!, pointers[1]!, pointers[2]!, m!, v!, constants)).toBeUndefined();
      }
      numbersAt(1).set(random(count, 2));
      numbersAt(0).set(random(count, 1));
      expect(codec.adam(pointers[0]!, pointers[1]!, pointers[2]!, m!, v!, constants)).toBeTypeOf('function');
      expect([...m!.held]).toEqual([...expected[0]!.held]);
      for (const codes of onHeap) codes.dispose();
    }
    codec.release();
    for (const pointer of pointers) own.free(pointer);
    expect(taken.size).toBe(0);
  });
});
