/**
 * Data compressed by LZMA, as kernels are shipped: a fourth less than DEFLATE makes of them. Source: I. Pavlov, LZMA specification, 2015
 * (draft), whose names are used here. The parameters are those of all encoders by default: lc = 3, lp = 0, pb = 2.
 */

/** Bits of a position that choose among probabilities, and of the byte before a literal. */
const posBits = 2;
const literalBits = 3;
const states = 12;
/** A slot and its decoders: the least distance without, and bits of the aligned low part. */
const endPosModel = 14;
const alignBits = 4;

/** Where the probabilities of each decision begin. */
const isMatch = 0;
const isRep = isMatch + (states << posBits);
const isRepG0 = isRep + states;
const isRepG1 = isRepG0 + states;
const isRepG2 = isRepG1 + states;
const isRep0Long = isRepG2 + states;
const posSlots = isRep0Long + (states << posBits);
const posSpecial = posSlots + 4 * 64;
const align = posSpecial + 115;
const matchLength = align + (1 << alignBits);
/** Of a length: two choices, then trees of 3 bits for each position, twice, and one of 8. */
const [lowTrees, midTrees, highTree] = [2, 2 + (8 << posBits), 2 + (16 << posBits)];
const repLength = matchLength + highTree + 256;
const literals = repLength + highTree + 256;
const count = literals + (0x300 << literalBits);

class Decoder {
  private readonly data: Uint8Array;
  private readonly probabilities = new Uint16Array(count).fill(1024);
  private at = 5;
  private range = 2 ** 32 - 1;
  private code: number;

  constructor(data: Uint8Array) {
    this.data = data;
    this.code = new DataView(data.buffer, data.byteOffset).getUint32(1);
  }

  private normalize(): void {
    this.range *= 2 ** 8;
    this.code = ((this.code << 8) | this.data[this.at++]!) >>> 0;
  }

  bit(index: number): number {
    const { probabilities } = this;
    const probability = probabilities[index]!;
    const bound = (this.range >>> 11) * probability;
    if (this.code < bound) {
      this.range = bound;
      probabilities[index] = probability + ((2048 - probability) >>> 5);
      if (bound < 2 ** 24) this.normalize();
      return 0;
    }
    this.range -= bound;
    this.code -= bound;
    probabilities[index] = probability - (probability >>> 5);
    if (this.range < 2 ** 24) this.normalize();
    return 1;
  }

  private directBits(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      this.range >>>= 1;
      const isOne = this.code >= this.range;
      if (isOne) this.code -= this.range;
      value = 2 * value + (isOne ? 1 : 0);
      if (this.range < 2 ** 24) this.normalize();
    }
    return value;
  }

  private tree(first: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.bit(first + node);
    return node - (1 << bits);
  }

  private reverseTree(first: number, bits: number): number {
    let [node, value] = [1, 0];
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(first + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  /** @param matched The byte that a match would give, if one has just ended. */
  literal(previous: number, matched: number | undefined): number {
    const first = literals + 0x300 * (previous >> (8 - literalBits));
    let symbol = 1;
    if (matched !== undefined)
      for (let i = 7; i >= 0 && symbol < 0x100; i--) {
        const expected = (matched >> i) & 1;
        const bit = this.bit(first + ((1 + expected) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== expected) break;
      }
    while (symbol < 0x100) symbol = (symbol << 1) | this.bit(first + symbol);
    return symbol & 0xff;
  }

  /** A length less 2. */
  length(first: number, posState: number): number {
    if (this.bit(first) === 0) return this.tree(first + lowTrees + 8 * posState, 3);
    if (this.bit(first + 1) === 0) return 8 + this.tree(first + midTrees + 8 * posState, 3);
    return 16 + this.tree(first + highTree, 8);
  }

  /** A distance less 1. */
  distance(length: number): number {
    const slot = this.tree(posSlots + 64 * Math.min(length, 3), 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const least = (2 | (slot & 1)) << bits;
    if (slot < endPosModel) return least + this.reverseTree(posSpecial + least - slot, bits);
    return least + (this.directBits(bits - alignBits) << alignBits) + this.reverseTree(align, alignBits);
  }
}

/** The bytes that were compressed to `data`, of which there are `length`; data of our own, no check sums. */
export function decompress(data: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(length);
  const decoder = new Decoder(data);
  let state = 0;
  const recent: [number, number, number, number] = [0, 0, 0, 0];
  for (let at = 0; at < length; ) {
    const posState = at & ((1 << posBits) - 1);
    if (decoder.bit(isMatch + (state << posBits) + posState) === 0) {
      out[at] = decoder.literal(out[at - 1] ?? 0, state < 7 ? undefined : out[at - recent[0] - 1]);
      at++;
      state = Math.max(state < 10 ? state - 3 : state - 6, 0);
      continue;
    }
    let more: number;
    if (decoder.bit(isRep + state) === 0) {
      more = decoder.length(matchLength, posState);
      recent.unshift(decoder.distance(more));
      recent.pop();
      state = state < 7 ? 7 : 10;
    } else {
      let which = decoder.bit(isRepG0 + state);
      if (which === 1 && decoder.bit(isRepG1 + state) === 1) which = 2 + decoder.bit(isRepG2 + state);
      const isShort = which === 0 && decoder.bit(isRep0Long + (state << posBits) + posState) === 0;
      recent.unshift(...recent.splice(which, 1));
      more = isShort ? -1 : decoder.length(repLength, posState);
      state = isShort ? (state < 7 ? 9 : 11) : state < 7 ? 8 : 11;
    }
    const end = Math.min(at + more + 2, length);
    for (const distance = recent[0] + 1; at < end; at++) out[at] = out[at - distance]!;
  }
  return out;
}
