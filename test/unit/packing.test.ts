/** Dense storage of codes in either order, against layouts that others document, and against the bits one by one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Code, encode, float, int, pack, unpack } from '../../src/index.ts';

const orders = ['low-first', 'high-first'] as const;

/** A format of so many bits. */
const ofBits = (bits: number) =>
  bits > 53 ? float({ exponentBits: 11, mantissaBits: bits - 12 }) : int({ bits, signed: false });

/** The bytes bit by bit: position p of the stream is bit p mod 8 of its byte, from the end that comes first. */
function packedByBits(codes: readonly Code[], bits: number, order: (typeof orders)[number]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((codes.length * bits) / 8));
  codes.forEach((code, i) => {
    for (let j = 0; j < bits; j++) {
      const position = i * bits + j;
      const bitOfCode = order === 'low-first' ? j : bits - 1 - j;
      const bitOfByte = order === 'low-first' ? position % 8 : 7 - (position % 8);
      const bit = Number((BigInt(code) >> BigInt(bitOfCode)) & 1n);
      bytes[Math.floor(position / 8)]! |= bit << bitOfByte;
    }
  });
  return bytes;
}

describe('known layouts', () => {
  test('4 bits, first element low: ONNX (INT4, UINT4, FLOAT4E2M1), the default', () => {
    // onnx.proto: the first element is in the four least significant bits; an odd count is padded with zeros.
    expect(pack([1, 2, 3, 4, 5], 'uint4')).toEqual(Uint8Array.of(0x21, 0x43, 0x05));
    expect(pack(encode([-8, 7, -1], 'int4'), 'int4')).toEqual(Uint8Array.of(0x78, 0x0f));
    expect(pack(encode([0.5, -6], 'e2m1'), 'e2m1', { order: 'low-first' })).toEqual(Uint8Array.of(0xf1));
  });
  test('4 bits, first element high', () => {
    expect(pack([1, 2, 3, 4, 5], 'uint4', { order: 'high-first' })).toEqual(Uint8Array.of(0x12, 0x34, 0x50));
    expect(pack(encode([-8, 7, -1], 'int4'), 'int4', { order: 'high-first' })).toEqual(
      Uint8Array.of(0x87, 0xf0),
    );
  });
  test('2 bits: four in a byte from either end', () => {
    expect(pack([0, 1, 2, 3, 1], 'int2')).toEqual(Uint8Array.of(0b11100100, 0b01));
    expect(pack([0, 1, 2, 3, 1], 'int2', { order: 'high-first' })).toEqual(
      Uint8Array.of(0b00011011, 0b01000000),
    );
  });
  test("1 bit: as numpy's packbits with bitorder 'little' and 'big'", () => {
    const codes = [1, 0, 1, 1, 0, 0, 0, 0, 1];
    expect(pack(codes, 'binary')).toEqual(Uint8Array.of(0b00001101, 1));
    expect(pack(codes, 'binary', { order: 'high-first' })).toEqual(Uint8Array.of(0b10110000, 0b10000000));
  });
  test('6 bits: four in three bytes', () => {
    expect(pack([0x3f, 0, 0x21, 0x12], 'e3m2')).toEqual(Uint8Array.of(0x3f, 0x10, 0x4a));
    expect(pack([0x3f, 0, 0x21, 0x12], 'e3m2', { order: 'high-first' })).toEqual(
      Uint8Array.of(0xfc, 0x08, 0x52),
    );
  });
  test('whole bytes: little-endian and big-endian', () => {
    expect(pack([0x3c00, 0x1234], 'binary16')).toEqual(Uint8Array.of(0x00, 0x3c, 0x34, 0x12));
    expect(pack([0x3c00, 0x1234], 'binary16', { order: 'high-first' })).toEqual(
      Uint8Array.of(0x3c, 0x00, 0x12, 0x34),
    );
    const view = new DataView(new ArrayBuffer(12));
    view.setFloat32(0, -1.1);
    view.setFloat64(4, Math.PI);
    const bytes = new Uint8Array(view.buffer);
    expect(pack(encode([Math.fround(-1.1)], 'binary32'), 'binary32', { order: 'high-first' })).toEqual(
      bytes.slice(0, 4),
    );
    expect(pack(encode([Math.PI], 'binary64'), 'binary64', { order: 'high-first' })).toEqual(bytes.slice(4));
  });
});

describe.each(orders)('%s', (order) => {
  test('widths of 1 to 64 bits, bit by bit and back', () => {
    for (let bits = 1; bits <= 64; bits++) {
      const format = ofBits(bits);
      const code = fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
      fc.assert(
        fc.property(fc.array(code, { maxLength: 20 }), (wide) => {
          const codes: Code[] = bits <= 32 ? wide.map(Number) : wide;
          const bytes = pack(codes, format, { order });
          expect(bytes).toEqual(packedByBits(codes, bits, order));
          expect(Array.from<Code>(unpack(bytes, format, codes.length, { order }) as never)).toEqual(codes);
        }),
        { numRuns: 30 },
      );
    }
  });

  test('widths of 1 to 7 bits: every pair of codes', () => {
    for (let bits = 1; bits <= 7; bits++) {
      const format = ofBits(bits);
      for (let a = 0; a < 2 ** bits; a++)
        for (let b = 0; b < 2 ** bits; b++) {
          const bytes = pack([a, b, a], format, { order });
          if (String(bytes) !== String(packedByBits([a, b, a], bits, order)))
            expect.fail(`${bits} bits: ${a}, ${b}`);
          if (String(unpack(bytes, format, 3, { order })) !== `${a},${b},${a}`)
            expect.fail(`${bits} bits: ${a}, ${b}`);
        }
    }
  });

  test('bytes of another order are other codes', () => {
    const other = order === 'low-first' ? 'high-first' : 'low-first';
    expect(unpack(pack([1, 2], 'uint4', { order }), 'uint4', 2, { order: other })).toEqual(
      Uint8Array.of(2, 1),
    );
  });
});
