/**
 * Counter-based random bits: Philox4x32-10 and the map from (seed, stream, index) to the random integer of an element.
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3 and table 2.
 *
 * The integer of an element depends on nothing but (seed, stream, offset + index, number of bits), so chunks, threads
 * and engines agree.
 */
import { newArray } from '../array-kinds.ts';
import { checkFields, integerInRange, pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { integerOf64Bits } from './options.ts';

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;

export type Words4 = readonly [number, number, number, number];
export type Words2 = readonly [number, number];

/** High 32 bits of the product of two unsigned 32-bit integers, in exact 16-bit pieces. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const middle2 = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(middle2 / 65536)) >>> 0;
}

function blockOf(counter: Words4, key: Words2, rounds: number): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < rounds; round++) {
    const high0 = multiplyHigh(multiplier0, c0);
    const low0 = Math.imul(multiplier0, c0) >>> 0;
    const high1 = multiplyHigh(multiplier1, c2);
    const low1 = Math.imul(multiplier1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + weyl0) >>> 0;
    k1 = (k1 + weyl1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

function checkWords(path: string, given: unknown, count: number): void {
  if (!Array.isArray(given) || given.length !== count)
    throw new ArgumentError(path, given, `an array of ${count} words of 32 bits`);
  for (let i = 0; i < count; i++) integerInRange(pathOf(path, i), given[i], 0, 2 ** 32 - 1);
}

/**
 * One block of Philox4x32: four 32-bit words from a 128-bit counter and a 64-bit key, words least significant first.
 *
 * @param rounds 0 to 16. Default 10, the number that the paper recommends.
 * @throws ArgumentError for what is no list of words.
 */
export function philox4x32(counter: Words4, key: Words2, rounds = 10): Words4 {
  checkWords('counter', counter, 4);
  checkWords('key', key, 2);
  return blockOf(counter, key, integerInRange('rounds', rounds, 0, 16));
}

/** The 32-bit halves of a non-negative integer below 2^53, or a bigint below 2^64, low first. */
function toWords(x: number | bigint): Words2 {
  if (typeof x === 'bigint') return [Number(x & 0xffffffffn), Number(x >> 32n)];
  return [x >>> 0, Math.floor(x / 2 ** 32)];
}

/** Bits that one draw takes of a Philox word: the smallest of 8, 16, 32 that holds `randomBits`. */
export function drawWidth(randomBits: number): 8 | 16 | 32 {
  return randomBits <= 8 ? 8 : randomBits <= 16 ? 16 : 32;
}

export interface RandomOptions {
  readonly seed?: number | bigint;
  readonly stream?: number | bigint;
  readonly offset?: number;
  readonly randomBits?: number;
}

const optionNames: readonly (keyof RandomOptions)[] = ['seed', 'stream', 'offset', 'randomBits'];

/** The key and the stream as words, and how a block is cut into draws. */
interface Draws {
  readonly key: Words2;
  readonly stream: Words2;
  readonly width: number;
  readonly perBlock: number;
  readonly randomBits: number;
}

function drawsOf(options: RandomOptions): Draws {
  const randomBits = integerInRange('randomBits', options.randomBits, 1, 32, 32);
  const width = drawWidth(randomBits);
  return {
    key: toWords(integerOf64Bits('seed', options.seed)),
    stream: toWords(integerOf64Bits('stream', options.stream)),
    width,
    perBlock: 128 / width,
    randomBits,
  };
}

function wordsOfBlock(block: number, { key, stream }: Draws): Words4 {
  const [low, high] = toWords(block);
  return blockOf([low, high, stream[0], stream[1]], key, 10);
}

function integerOf(words: Words4, draw: number, { width, randomBits }: Draws): number {
  const perWord = 32 / width;
  const slice = (words[Math.floor(draw / perWord)]! >>> ((draw % perWord) * width)) & (2 ** width - 1);
  return slice >>> (width - randomBits);
}

/**
 * The random integer of one element, the one at `offset`, for options among which there may be others: what `randomIntegers(1, options)[0]` is.
 *
 * @throws ArgumentError if an option is out of range.
 */
export function randomInteger(options: RandomOptions = {}): number {
  const draws = drawsOf(options);
  const offset = integerInRange('offset', options.offset, 0, Number.MAX_SAFE_INTEGER, 0);
  const block = Math.floor(offset / draws.perBlock);
  return integerOf(wordsOfBlock(block, draws), offset - block * draws.perBlock, draws);
}

/**
 * The random integers of `count` consecutive elements, each in [0, 2^randomBits).
 *
 * A block gives k = 128 / width draws. Element index i = offset + position; block floor(i / k) is the low half of the
 * counter, `stream` its high half, `seed` the key. Draw j = i mod k is the j-th slice of the block's 128 bits from the
 * least significant end, and its top `randomBits` bits are the integer.
 *
 * @throws ArgumentError if an option is out of range or unknown.
 */
export function randomIntegers(count: number, options?: RandomOptions): Uint32Array {
  return drawIntegers(count, checkFields('', options, optionNames));
}

/** `randomIntegers` for options among which there may be others. */
export function drawIntegers(count: number, options: RandomOptions): Uint32Array {
  const length = integerInRange('count', count, 0, 2 ** 32 - 1);
  const draws = drawsOf(options);
  const offset = integerInRange(
    'offset',
    options.offset,
    0,
    Number.MAX_SAFE_INTEGER - Math.max(length - 1, 0),
    0,
  );
  const integers = newArray(Uint32Array, length);
  let block = -1;
  let words: Words4 = [0, 0, 0, 0];
  for (let i = 0; i < length; i++) {
    const index = offset + i;
    const needed = Math.floor(index / draws.perBlock);
    if (needed !== block) {
      block = needed;
      words = wordsOfBlock(block, draws);
    }
    integers[i] = integerOf(words, index - block * draws.perBlock, draws);
  }
  return integers;
}
