/**
 * Data compressed by DEFLATE, as kernels are shipped. Source: RFC 1951; the way of decoding, by the number of codes of each length, is
 * that of canonical Huffman codes.
 */

/** A canonical Huffman code: how many codes there are of each length, and the symbols in the order of their codes. */
interface Code {
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

const longestCode = 15;

function codeOf(lengths: readonly number[]): Code {
  const counts = new Uint16Array(longestCode + 1);
  for (const length of lengths) counts[length]!++;
  counts[0] = 0;
  const next = new Uint16Array(longestCode + 2);
  for (let length = 1; length <= longestCode; length++) next[length + 1] = next[length]! + counts[length]!;
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => {
    if (length > 0) symbols[next[length]!++] = symbol;
  });
  return { counts, symbols };
}

/** What symbol 257 + i adds to: the least length, or distance, and further bits that are read. */
function ranges(first: number, extra: readonly number[]): { readonly base: number; readonly bits: number }[] {
  let base = first;
  return extra.map((bits) => {
    const range = { base, bits };
    base += 2 ** bits;
    return range;
  });
}

const lengthRanges = ranges(3, [
  ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5],
]);
// The last one would stand for 258 by further bits.
lengthRanges.push({ base: 258, bits: 0 });
const distanceRanges = ranges(1, [
  ...[0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13],
]);

/** The order in which lengths of the codes for lengths are written. */
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const fixedLengths = Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));

class Inflater {
  readonly #data: Uint8Array;
  readonly #out: Uint8Array<ArrayBuffer>;
  #at = 0;
  #held = 0;
  #count = 0;
  #length = 0;

  constructor(data: Uint8Array, length: number) {
    this.#data = data;
    this.#out = new Uint8Array(length);
  }

  #bits(count: number): number {
    while (this.#count < count) {
      this.#held |= this.#data[this.#at++]! << this.#count;
      this.#count += 8;
    }
    const value = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#count -= count;
    return value;
  }

  #symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= longestCode; length++) {
      code |= this.#bits(1);
      const count = counts[length]!;
      if (code - count < first) return symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new RangeError('compressed data are damaged');
  }

  #stored(): void {
    this.#held = 0;
    this.#count = 0;
    const length = this.#data[this.#at]! | (this.#data[this.#at + 1]! << 8);
    const begin = this.#at + 4;
    this.#out.set(this.#data.subarray(begin, begin + length), this.#length);
    this.#length += length;
    this.#at = begin + length;
  }

  /** The codes of a block that brings its own. */
  #dynamicCodes(): readonly [literals: Code, distances: Code] {
    const [literals, distances, count] = [this.#bits(5) + 257, this.#bits(5) + 1, this.#bits(4) + 4];
    const own = new Array<number>(lengthOrder.length).fill(0);
    for (let i = 0; i < count; i++) own[lengthOrder[i]!] = this.#bits(3);
    const code = codeOf(own);
    const lengths: number[] = [];
    while (lengths.length < literals + distances) {
      const symbol = this.#symbol(code);
      if (symbol < 16) lengths.push(symbol);
      else {
        const value = symbol === 16 ? lengths.at(-1)! : 0;
        const times =
          symbol === 16 ? 3 + this.#bits(2) : symbol === 17 ? 3 + this.#bits(3) : 11 + this.#bits(7);
        for (let i = 0; i < times; i++) lengths.push(value);
      }
    }
    return [codeOf(lengths.slice(0, literals)), codeOf(lengths.slice(literals))];
  }

  #compressed(literals: Code, distances: Code): void {
    const out = this.#out;
    for (let symbol = this.#symbol(literals); symbol !== 256; symbol = this.#symbol(literals)) {
      if (symbol < 256) {
        out[this.#length++] = symbol;
        continue;
      }
      const { base, bits } = lengthRanges[symbol - 257]!;
      const length = base + this.#bits(bits);
      const range = distanceRanges[this.#symbol(distances)]!;
      const from = this.#length - range.base - this.#bits(range.bits);
      for (let i = 0; i < length; i++) out[this.#length++] = out[from + i]!;
    }
  }

  run(): Uint8Array<ArrayBuffer> {
    for (let isLast = false; !isLast; ) {
      isLast = this.#bits(1) === 1;
      const kind = this.#bits(2);
      if (kind === 0) this.#stored();
      else if (kind === 1) this.#compressed(codeOf(fixedLengths), codeOf(new Array<number>(30).fill(5)));
      else this.#compressed(...this.#dynamicCodes());
    }
    return this.#out;
  }
}

/** The bytes that were compressed to `data`, of which there are `length`; data of our own, no check sums. */
export function inflate(data: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  return new Inflater(data, length).run();
}
