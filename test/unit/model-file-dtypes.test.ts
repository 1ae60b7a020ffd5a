/** Elements of 4 and 6 bits and of scales in model files: read, measured, quantised in parts, kept and written back. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FloatFormat, formats } from '../../src/formats/index.ts';
import { bytesFrom, floatsFrom } from '../../src/model-files/dtypes.ts';
import { dequantizeModel, inspectModel, openModel, quantizeModel } from '../../src/model-files/index.ts';
import { numbersIn } from '../../src/model-files/model-file.ts';
import { quantizeTensor } from '../../src/model-files/quantize-tensor.ts';
import { quantizer } from '../../src/quantizers/index.ts';
import { type Made, onnx, safetensors } from '../model-file-makers.ts';
import { withFolder } from './cli-world.ts';

const narrow = [
  ['F4', formats.e2m1],
  ['F6_E2M3', formats.e2m3],
  ['F6_E3M2', formats.e3m2],
  ['F8_E8M0', formats.e8m0],
] as const;

/** Codes one after the other, the first in the low bits: bit by bit. */
function packedBits(codes: readonly number[], bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((codes.length * bits) / 8));
  codes.forEach((code, i) => {
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit;
      bytes[at >> 3]! |= ((code >> bit) & 1) << (at & 7);
    }
  });
  return bytes;
}

const codesOf = (format: FloatFormat, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (i * 7 + (i >> 4)) % 2 ** format.bits);
const made = (dtype: string, format: FloatFormat, shape: readonly number[]): Made => ({
  ...{ name: dtype, dtype, shape },
  bytes: packedBits(
    codesOf(
      format,
      shape.reduce((a, b) => a * b, 1),
    ),
    format.bits,
  ),
});

async function numbers(path: string, elements: number): Promise<Record<string, number[]>> {
  const model = await openModel(path);
  const found: Record<string, number[]> = {};
  for (const tensor of model.tensors) {
    found[tensor.name] = [];
    for await (const piece of numbersIn(tensor, elements)) found[tensor.name]!.push(...piece);
  }
  model.close();
  return found;
}

describe.each(narrow)('%s', (dtype, format) => {
  const shape = [24, 20];
  const codes = codesOf(format, 480);
  const expected = codes.map((code) => format.decode(code));

  test.each([1, 3, 5, 7, 64, 1000])('is read %i elements at a time', (elements) =>
    withFolder(async (folder) => {
      const file = join(folder, 'm.safetensors');
      writeFileSync(file, safetensors([made(dtype, format, shape)]));
      expect((await numbers(file, elements))[dtype]).toEqual(expected);
    }),
  );

  test('is written as it was read', () => {
    const bytes = packedBits(codes, format.bits);
    const again = bytesFrom(floatsFrom(bytes, dtype), dtype);
    if (!expected.some(Number.isNaN)) expect(again).toEqual(bytes);
    expect(floatsFrom(again, dtype)).toEqual(floatsFrom(bytes, dtype));
  });

  test('is quantised, in parts as whole, kept, and written in its own layout', () =>
    withFolder(async (folder) => {
      const file = join(folder, 'm.safetensors');
      const some = { ...made(dtype, format, shape), bytes: packedBits(codes, format.bits) };
      writeFileSync(file, safetensors([some, { ...some, name: 'kept' }]));
      const by = quantizer({ format: 'int5', scale: { per: 'row', from: 'absmax' }, nan: 'zero' });
      const whole = by.quantize(Float32Array.from(expected), shape);
      const model = await openModel(file);
      for (const most of [20, 37, 200]) {
        const values: number[] = [];
        for await (const part of quantizeTensor(model.tensors[0]!, by, {}, most)) values.push(...part.values);
        expect(values).toEqual([...whole.values]);
      }
      model.close();

      const out = join(folder, 'q.safetensors');
      const rules = [{ match: 'kept', to: 'keep' }];
      const options = { to: 'int5/row', nan: 'zero', rules, out } as const;
      const report = await quantizeModel(file, options);
      expect(report.tensors[0]!.bytesBefore).toBe((480 * format.bits) / 8);
      const back = join(folder, 'values.safetensors');
      await dequantizeModel(out, { out: back });
      const values = await numbers(back, 64);
      expect(values[dtype]).toEqual([...whole.values]);
      expect(values['kept']).toEqual(expected);
      await dequantizeModel(out, { out: back, dtype: 'own' });
      const own = floatsFrom(bytesFrom(whole.values, dtype), dtype);
      expect((await numbers(back, 64))[dtype]).toEqual([...own]);
      await quantizeModel(file, { ...options, dequantized: true, out: back });
      expect(await numbers(back, 64)).toEqual({ [dtype]: [...own], kept: expected });

      const { tensors } = await inspectModel(file);
      const finite = expected.filter(Number.isFinite);
      expect(tensors[0]).toMatchObject({ dtype, elements: 480, bytes: (480 * format.bits) / 8 });
      expect(tensors[0]!.numbers).toMatchObject({
        least: Math.min(...finite),
        largest: Math.max(...finite),
        nan: (480 - finite.length) / 480,
      });
    }));
});

describe('ONNX', () => {
  const odd = codesOf(formats.e2m1, 15);
  const scales = [0, 127, 254, 255];
  const bytes = packedBits(odd, 4);
  const last = bytes.slice();
  // What fills the last byte up is nobody's number.
  last[7]! |= 0xf0;
  const write = (folder: string, more: readonly Parameters<typeof onnx>[0][number][] = []): string => {
    const file = join(folder, 'm.onnx');
    const all = [
      { name: 'raw', type: 23, shape: [3, 5], raw: last },
      { name: 'listed', type: 23, shape: [3, 5], int32s: [...last] },
      { name: 'scales', type: 24, shape: [4], int32s: scales },
      { name: 'int4', type: 22, shape: [2], raw: Uint8Array.of(0x12) },
      ...more,
    ];
    writeFileSync(file, onnx(all));
    return file;
  };

  test('FLOAT4E2M1 and FLOAT8E8M0 are numbers, integers of 4 bits are named', () =>
    withFolder(async (folder) => {
      const file = write(folder);
      const expected = odd.map((code) => formats.e2m1.decode(code));
      for (const elements of [1, 2, 3, 7, 100]) {
        const found = await numbers(file, elements);
        expect(found['raw']).toEqual(expected);
        expect(found['listed']).toEqual(expected);
        expect(found['scales']).toEqual(scales.map((code) => formats.e8m0.decode(code)));
      }
      const { unread, tensors } = await inspectModel(file);
      expect(unread).toEqual(['int4']);
      expect(tensors[0]!.numbers!.largest).toBe(Math.max(...expected));
      expect(tensors[1]!.numbers!.largest).toBe(Math.max(...expected));
      const out = join(folder, 'q.safetensors');
      const report = await quantizeModel(file, { to: 'int8/row', out });
      expect(report.tensors.map(({ bytesAfter }) => bytesAfter)).toEqual([27, 27, 4]);
      const back = join(folder, 'values.safetensors');
      await dequantizeModel(out, { out: back });
      const whole = quantizer({ format: 'int8', scale: { per: 'row', from: 'absmax' } });
      expect((await numbers(back, 64))['raw']).toEqual([
        ...whole.quantize(Float32Array.from(expected), [3, 5]).values,
      ]);
    }));

  test('what fills no whole byte is not kept in safetensors', () =>
    withFolder(async (folder) => {
      const file = write(folder);
      const out = join(folder, 'q.safetensors');
      const rules = [{ match: 'raw', to: 'keep' }];
      await expect(quantizeModel(file, { to: 'int8/row', rules, out })).rejects.toThrow(
        /raw: got '15 elements of F4'; accepted: elements that fill whole bytes/,
      );
    }));

  test('too few or too many bytes are refused', () =>
    withFolder(async (folder) => {
      const file = write(folder, [{ name: 'w', type: 23, shape: [5], raw: Uint8Array.of(1, 2) }]);
      await expect(openModel(file)).rejects.toThrow(/the tensor w has 2 bytes where its shape says 3/);
      write(folder, [{ name: 'w', type: 23, shape: [5], int32s: [1, 2] }]);
      await expect(openModel(file)).rejects.toThrow(/the tensor w has no more than 2 numbers/);
    }));
});
