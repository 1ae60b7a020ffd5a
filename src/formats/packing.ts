/**
 * Dense storage of codes: code i occupies bits [i b, (i + 1) b) of the byte sequence, least significant bit first, b being
 * the bits of the format. The last byte is filled up with zeros. So two 4-bit codes share a byte, the first one low.
 */
import { ArgumentError } from '../errors.ts';
import { type CodeArray, newCodes } from './codes.ts';
import type { Code, Format } from './format.ts';
import { type FormatSpelling, toFormat } from './names.ts';

/** The format, which must have codes. */
function coded(format: Format | FormatSpelling): Format {
  const target = toFormat(format);
  if (target.bits === Infinity) throw new RangeError(`${target.name} has no codes (unbounded exponent)`);
  return target;
}

const areNumbers = (codes: ArrayLike<Code>): codes is Uint8Array | Uint16Array =>
  codes instanceof Uint8Array || codes instanceof Uint16Array;

/** Codes of up to 16 bits in plain integers: 100 times as fast as by BigInt. */
function packNarrow(codes: Uint8Array | Uint16Array, bits: number, bytes: Uint8Array): Uint8Array {
  let pending = 0;
  let held = 0;
  let next = 0;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    if (code >>> bits !== 0)
      throw new RangeError(`codes[${i}]: got ${code}; accepted: an integer from 0 to 2^${bits} - 1`);
    pending |= code << held;
    for (held += bits; held >= 8; held -= 8) {
      bytes[next++] = pending & 0xff;
      pending >>>= 8;
    }
  }
  if (held > 0) bytes[next] = pending;
  return bytes;
}

function unpackNarrow(bytes: Uint8Array, bits: number, codes: Uint8Array | Uint16Array): void {
  const mask = 2 ** bits - 1;
  let pending = 0;
  let held = 0;
  let next = 0;
  for (let i = 0; i < codes.length; i++) {
    for (; held < bits; held += 8) pending |= bytes[next++]! << held;
    codes[i] = pending & mask;
    pending >>>= bits;
    held -= bits;
  }
}

/**
 * Packs codes densely.
 *
 * @returns ceil(codes.length bits / 8) bytes.
 * @throws RangeError if a code has more bits than the format.
 *
 * @example
 * pack([1, 2, 3], 'e2m1') // Uint8Array [0x21, 0x03]
 */
export function pack(codes: ArrayLike<Code>, format: Format | FormatSpelling): Uint8Array {
  const { bits } = coded(format);
  const bytes = new Uint8Array(Math.ceil((codes.length * bits) / 8));
  if (bits <= 16 && areNumbers(codes)) return packNarrow(codes, bits, bytes);
  for (let i = 0; i < codes.length; i++) {
    let rest = BigInt(codes[i]!);
    if (rest < 0n || rest >> BigInt(bits) !== 0n)
      throw new RangeError(`codes[${i}]: got ${codes[i]}; accepted: an integer from 0 to 2^${bits} - 1`);
    for (let position = i * bits, left = bits; left > 0; ) {
      const shift = position % 8;
      const taken = Math.min(8 - shift, left);
      bytes[Math.floor(position / 8)]! |= Number(rest & ((1n << BigInt(taken)) - 1n)) << shift;
      rest >>= BigInt(taken);
      position += taken;
      left -= taken;
    }
  }
  return bytes;
}

/**
 * The codes of packed bytes.
 *
 * @param count How many codes; the bytes must hold exactly these.
 * @returns Uint8Array, Uint16Array, Uint32Array or BigUint64Array, the narrowest that holds a code.
 * @throws ArgumentError if the number of bytes is not ceil(count bits / 8).
 */
export function unpack(bytes: Uint8Array, format: Format | FormatSpelling, count: number): CodeArray {
  const target = coded(format);
  const { bits } = target;
  if (!Number.isSafeInteger(count) || count < 0)
    throw new ArgumentError('count', count, 'a non-negative integer');
  if (bytes.length !== Math.ceil((count * bits) / 8))
    throw new ArgumentError(
      'bytes',
      bytes,
      `${Math.ceil((count * bits) / 8)} bytes for ${count} codes of ${bits} bits`,
    );
  const codes = newCodes(target, count);
  if (bits <= 16 && areNumbers(codes)) {
    unpackNarrow(bytes, bits, codes);
    return codes;
  }
  for (let i = 0; i < count; i++) {
    let code = 0n;
    for (let read = 0; read < bits; ) {
      const position = i * bits + read;
      const shift = position % 8;
      const taken = Math.min(8 - shift, bits - read);
      const slice = (bytes[Math.floor(position / 8)]! >> shift) & (2 ** taken - 1);
      code |= BigInt(slice) << BigInt(read);
      read += taken;
    }
    codes[i] = bits <= 32 ? Number(code) : code;
  }
  return codes;
}
