/**
 * Dense storage of codes. Low first: code i occupies bits [i b, (i + 1) b) of the byte sequence, least significant bit first, b
 * being the bits of the format, so two 4-bit codes share a byte, the first one low; ONNX stores its 4-bit and 2-bit types so. High first:
 * the same counted from the most significant bit of each byte, most significant bit of a code first, so the first of two 4-bit codes is
 * the high one and codes of whole bytes are big-endian. The last byte is filled up with zeros.
 */
import { byteArray } from '../array-kinds.ts';
import { checkFields, checkLength, integerInRange, oneOf } from '../check.ts';
import { type CodeArray, checkCode, codesOf, newCodes, noCodes } from './codes.ts';
import type { Code, Format } from './format.ts';
import { type FormatArgument, type FormatSpelling, toFormat } from './names.ts';

export interface PackOptions {
  /** Which end of a byte is filled first. Default `'low-first'`. */
  readonly order?: 'low-first' | 'high-first';
}

const optionNames: readonly (keyof PackOptions)[] = ['order'];

function isHighFirst(options: PackOptions | undefined): boolean {
  const { order } = checkFields('', options, optionNames);
  return oneOf('order', order, ['low-first', 'high-first'], 'low-first') === 'high-first';
}

/** The format, which must have codes. */
function coded(format: Format | FormatSpelling): Format {
  const target = toFormat(format);
  if (target.bits === Infinity) throw noCodes(target.name);
  return target;
}

const bytesFor = (count: number, bits: number): number => Math.ceil((count * bits) / 8);

type NarrowCodes = Uint8Array | Uint16Array;

const areNarrow = (codes: CodeArray): codes is NarrowCodes => codes.BYTES_PER_ELEMENT <= 2;

/** Codes of up to 16 bits in plain integers: 100 times as fast as by BigInt. */
function packNarrow(codes: NarrowCodes, bits: number, bytes: Uint8Array): void {
  let pending = 0;
  let held = 0;
  let next = 0;
  for (let i = 0; i < codes.length; i++) {
    pending |= codes[i]! << held;
    for (held += bits; held >= 8; held -= 8) {
      bytes[next++] = pending & 0xff;
      pending >>>= 8;
    }
  }
  if (held > 0) bytes[next] = pending;
}

function packNarrowHighFirst(codes: NarrowCodes, bits: number, bytes: Uint8Array): void {
  let pending = 0;
  let held = 0;
  let next = 0;
  for (let i = 0; i < codes.length; i++) {
    // Fewer than 8 bits are pending, so 24 suffice.
    pending = (pending << bits) | codes[i]!;
    for (held += bits; held >= 8; ) {
      held -= 8;
      bytes[next++] = pending >>> held;
      pending &= (1 << held) - 1;
    }
  }
  if (held > 0) bytes[next] = pending << (8 - held);
}

function unpackNarrow(bytes: Uint8Array, bits: number, codes: NarrowCodes): void {
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

function unpackNarrowHighFirst(bytes: Uint8Array, bits: number, codes: NarrowCodes): void {
  let pending = 0;
  let held = 0;
  let next = 0;
  for (let i = 0; i < codes.length; i++) {
    for (; held < bits; held += 8) pending = (pending << 8) | bytes[next++]!;
    held -= bits;
    codes[i] = pending >>> held;
    pending &= (1 << held) - 1;
  }
}

/** A stretch of a code within one byte: `taken` bits, `fromCode` up in the code and `fromByte` up in the byte. */
type StretchVisitor = (byte: number, fromByte: number, fromCode: number, taken: number) => void;

/** The stretches of code i, the one that is stored first coming first. */
function forEachStretch(i: number, bits: number, highFirst: boolean, visit: StretchVisitor): void {
  for (let done = 0; done < bits; ) {
    const position = i * bits + done;
    const used = position % 8;
    const taken = Math.min(8 - used, bits - done);
    const byte = Math.floor(position / 8);
    if (highFirst) visit(byte, 8 - used - taken, bits - done - taken, taken);
    else visit(byte, used, done, taken);
    done += taken;
  }
}

function packWide(codes: CodeArray, bits: number, bytes: Uint8Array, highFirst: boolean): void {
  for (let i = 0; i < codes.length; i++) {
    const code = BigInt(codes[i]!);
    forEachStretch(i, bits, highFirst, (byte, fromByte, fromCode, taken) => {
      bytes[byte]! |= Number((code >> BigInt(fromCode)) & ((1n << BigInt(taken)) - 1n)) << fromByte;
    });
  }
}

function unpackWide(bytes: Uint8Array, bits: number, codes: CodeArray, highFirst: boolean): void {
  for (let i = 0; i < codes.length; i++) {
    let code = 0n;
    forEachStretch(i, bits, highFirst, (byte, fromByte, fromCode, taken) => {
      code |= BigInt((bytes[byte]! >> fromByte) & (2 ** taken - 1)) << BigInt(fromCode);
    });
    codes[i] = bits <= 32 ? Number(code) : code;
  }
}

/** Throws RangeError for a code that has more bits than the format. */
function checkRange(codes: CodeArray, { bits, name }: Format): void {
  if (bits === 8 * codes.BYTES_PER_ELEMENT) return;
  const limit = 2 ** bits;
  for (let i = 0; i < codes.length; i++)
    if (codes[i]! >= limit) checkCode(codes[i], bits, name, `codes[${i}]`);
}

/**
 * Packs codes densely.
 *
 * @param codes As `encode` gives them, or an array of integers.
 * @returns ceil(codes.length bits / 8) bytes.
 * @throws ArgumentError for what is no array of codes, or one of narrower codes, and for an unknown option; RangeError if a code has
 *   more bits than the format, or the format has no codes.
 *
 * @example
 * pack([1, 2, 3], 'e2m1') // Uint8Array [0x21, 0x03]
 * pack([1, 2, 3], 'e2m1', { order: 'high-first' }) // Uint8Array [0x12, 0x30]
 */
export function pack<const F extends FormatSpelling>(
  codes: CodeArray | readonly Code[],
  format: FormatArgument<F>,
  options?: PackOptions,
): Uint8Array {
  const target = coded(format);
  const highFirst = isHighFirst(options);
  const { bits } = target;
  const own = codesOf('codes', codes, target);
  checkRange(own, target);
  const bytes = new Uint8Array(bytesFor(own.length, bits));
  // Codes of whole elements lie in memory as they are packed: all machines that run this are little-endian.
  if (!highFirst && bits === 8 * own.BYTES_PER_ELEMENT)
    bytes.set(new Uint8Array(own.buffer, own.byteOffset, own.byteLength));
  else if (!areNarrow(own)) packWide(own, bits, bytes, highFirst);
  else if (highFirst) packNarrowHighFirst(own, bits, bytes);
  else packNarrow(own, bits, bytes);
  return bytes;
}

/**
 * The codes of packed bytes.
 *
 * @param count How many codes; the bytes must hold exactly these.
 * @param options As `pack` had them.
 * @returns Uint8Array, Uint16Array, Uint32Array or BigUint64Array, the narrowest that holds a code.
 * @throws ArgumentError for what is no Uint8Array, if the number of bytes is not ceil(count bits / 8), and for an unknown option;
 *   RangeError if the format has no codes.
 */
export function unpack<const F extends FormatSpelling>(
  bytes: Uint8Array,
  format: FormatArgument<F>,
  count: number,
  options?: PackOptions,
): CodeArray {
  const target = coded(format);
  const highFirst = isHighFirst(options);
  const { bits } = target;
  const length = integerInRange('count', count, 0, Number.MAX_SAFE_INTEGER);
  const needed = bytesFor(length, bits);
  const accepted = `a Uint8Array of ${needed} bytes, for ${length} codes of ${bits} bits`;
  const own = byteArray('bytes', bytes, accepted);
  checkLength('bytes', own, needed, accepted, bytes);
  const codes = newCodes(target, length);
  if (!highFirst && bits === 8 * codes.BYTES_PER_ELEMENT)
    new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength).set(own);
  else if (!areNarrow(codes)) unpackWide(own, bits, codes, highFirst);
  else if (highFirst) unpackNarrowHighFirst(own, bits, codes);
  else unpackNarrow(own, bits, codes);
  return codes;
}
