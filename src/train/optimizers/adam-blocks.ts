/**
 * Adam's step on moments in 8-bit blocks: a block is decoded, updated and encoded before the next one, so that no moment is ever a tensor.
 * Every operation is that of the tensors' in float32, in its order, with the same bits.
 */
import { firstNotFinite } from '../divergence.ts';
import { type BlockCodes, readCodes, scalesOf, writeCodes } from './block-codes.ts';

/** A state in blocks. */
export interface HeldBlocks {
  readonly codes: BlockCodes;
  /** Codes and scales between steps. */
  held: Uint8Array;
}

/** Numbers of a step, in binary32. */
interface AdamConstants {
  readonly keep1: number;
  readonly take1: number;
  readonly keep2: number;
  readonly take2: number;
  /** What is added to the root of the second moment. */
  readonly added: number;
  /** The rate, corrected for the bias of both moments. */
  readonly scale: number;
}

/** A moment that would not be a finite number. */
export interface NotFinite {
  readonly state: 'first' | 'second';
  readonly index: number;
  readonly value: number;
}

export interface AdamStep {
  /** What is subtracted from the variable. */
  readonly step: Float32Array;
  readonly notFinite: NotFinite | undefined;
  /** Codes and scales of the next moments. */
  readonly first: Uint8Array;
  readonly second: Uint8Array;
}

const f = Math.fround;

/** The steps of one block; its moments are replaced by the next ones. */
function updateBlock(
  m: Float32Array,
  v: Float32Array,
  gradient: Float32Array,
  begin: number,
  end: number,
  { keep1, take1, keep2, take2, added, scale }: AdamConstants,
  step: Float32Array,
): boolean {
  let areFinite = true;
  for (let i = begin, j = 0; i < end; i++, j++) {
    const g = gradient[i]!;
    const first = f(f(m[j]! * keep1) + f(g * take1));
    const second = f(f(v[j]! * keep2) + f(f(g * g) * take2));
    m[j] = first;
    v[j] = second;
    areFinite = areFinite && first - first === 0 && second - second === 0;
    step[i] = f(f(first / f(f(Math.sqrt(second)) + added)) * scale);
  }
  return areFinite;
}

/** The first number of a block that is not finite, if there is one. */
function notFinite(state: NotFinite['state'], values: Float32Array, begin: number, end: number): NotFinite[] {
  const at = firstNotFinite(values.subarray(0, end - begin));
  return at < 0 ? [] : [{ state, index: begin + at, value: values[at]! }];
}

/** Both states have blocks of one size. */
export function adamInBlocks(
  first: HeldBlocks,
  second: HeldBlocks,
  gradient: Float32Array,
  constants: AdamConstants,
): AdamStep {
  const { count, size, bytes } = first.codes;
  const step = new Float32Array(count);
  const next = { first: new Uint8Array(bytes), second: new Uint8Array(bytes) };
  const [m, v] = [new Float32Array(Math.min(size, count)), new Float32Array(Math.min(size, count))];
  const [scales1, scales2] = [scalesOf(first.codes, first.held), scalesOf(second.codes, second.held)];
  const [next1, next2] = [scalesOf(first.codes, next.first), scalesOf(second.codes, next.second)];
  const found: NotFinite[] = [];
  for (let begin = 0, place = 0; begin < count; begin += size, place += 4) {
    const end = Math.min(count, begin + size);
    readCodes(first.codes.table, first.held, begin, end, scales1.getFloat32(place, true), m, 0);
    readCodes(second.codes.table, second.held, begin, end, scales2.getFloat32(place, true), v, 0);
    if (!updateBlock(m, v, gradient, begin, end, constants, step))
      found.push(...notFinite('first', m, begin, end), ...notFinite('second', v, begin, end));
    next1.setFloat32(place, writeCodes(first.codes, m, 0, next.first, begin, end), true);
    next2.setFloat32(place, writeCodes(second.codes, v, 0, next.second, begin, end), true);
  }
  const earliest = found.find(({ state }) => state === 'first') ?? found[0];
  return { step, notFinite: earliest, ...next };
}
