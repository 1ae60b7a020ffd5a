/** `encode` and `decode` of whole arrays: numbers are rounded and turned into codes in one loop; or codes into numbers. */
import { isFloat32Array, newLike, type RealArray } from '../array-kinds.ts';
import { describe } from '../errors.ts';
import { type CodeArray, newCodes } from '../formats/codes.ts';
import type { Code, Format } from '../formats/format.ts';
import { isStochastic, type ResolvedRounding, roundScalar } from '../rounding/index.ts';
import { type CodecCall, codecRoomBytes, writeCodec } from './codec-job.ts';
import { type CodecPlan, planDecoding, planEncoding, planListEncoding } from './codec-plan.ts';
import { isInSharedHeap, perHeap } from './heap.ts';
import { planCache } from './plan-cache.ts';
import { roundArray } from './rounding-arrays.ts';
import { roundingModule } from './rounding-module.ts';
import type { ElementType, RoundingPlan } from './rounding-plan.ts';
import { planRounding } from './rounding-planner.ts';
import { isForWorkers } from './shared-rounding.ts';
import { type ElementWork, runElements } from './staging.ts';
import { paces, usefulThreads } from './thread-rule.ts';

/** What NaN becomes in a format without NaN. */
export type NaNTreatment = 'error' | 'zero' | 'max';

const roomOn = perHeap((heap) => heap.allocate(codecRoomBytes));

const keepPlan = planCache<CodecPlan | undefined>();

function codeShiftOf(codes: CodeArray): 0 | 1 | 2 | 3 {
  return Math.log2(codes.BYTES_PER_ELEMENT) as 0 | 1 | 2 | 3;
}

/** Does what a call says of all elements; false where an element has no code, or is none. */
function runCodec(
  call: CodecCall,
  from: RealArray | CodeArray,
  to: RealArray | CodeArray,
  threads: number,
): boolean {
  const isShared = isInSharedHeap(from) && isInSharedHeap(to);
  const work: ElementWork = {
    inputs: [from],
    out: to,
    on(heap) {
      const room = roomOn(heap);
      const { piece } = roundingModule.on(heap.memory);
      // Puts the tables there.
      writeCodec(heap, room, call, 0, 0, 0);
      return (places, start, length) => {
        writeCodec(heap, room, call, places[0]!, places[1]!, start);
        return piece(room, 0, length) < 0;
      };
    },
    job: {
      module: roundingModule,
      roomBytes: codecRoomBytes,
      write: (heap, room, places, start) => writeCodec(heap, room, call, places[0]!, places[1]!, start),
    },
  };
  return runElements(work, usefulThreads(threads, to.length, paces.slow, isShared));
}

/** The error of NaN for a format without one. */
function noNaN(index: number, format: Format): RangeError {
  return new RangeError(
    `values[${index}]: got NaN; accepted: a number, as ${format.name} has no NaN, unless the option nan says otherwise`,
  );
}

function encodeByReference(rounded: RealArray, codes: CodeArray, format: Format, nan: NaNTreatment): void {
  rounded.forEach((value, i) => {
    if (!Number.isNaN(value) || format.hasNaN) codes[i] = format.encode(value);
    else if (nan === 'error') throw noNaN(i, format);
    else codes[i] = format.encode(nan === 'zero' ? 0 : format.max);
  });
}

/** The code of NaN; where a format has none and is not told, one that does not matter. */
function nanCodeOf(format: Format, nan: NaNTreatment): Code {
  if (format.hasNaN) return format.encode(NaN);
  if (nan === 'error') return 0;
  // A codebook may be without zero, which matters only if there is a NaN.
  return nan === 'zero' ? (format.has(0) ? format.encode(0) : 0) : format.encode(format.max);
}

/** Whether a NaN is an error. */
function refusesNaN(format: Format, nan: NaNTreatment): boolean {
  return !format.hasNaN && (nan === 'error' || (nan === 'zero' && !format.has(0)));
}

/** How numbers get their codes: by a codec of the kernels, or (`coding` undefined) one by one. */
interface Encoding {
  readonly coding: CodecPlan | undefined;
  /** A rounding that the codec's loop does before. */
  readonly inLoop: RoundingPlan | undefined;
  /** Whether numbers are rounded in an array of their own before. */
  readonly isApart: boolean;
}

function planEncodingOf(
  type: ElementType,
  format: Format,
  options: ResolvedRounding,
  nanCode: Code,
): Encoding {
  // Codes of lists are found by the search that would round.
  const isList = format.kind === 'codebook' || format.kind === 'logarithmic';
  if (isList && !isStochastic(options.rounding)) {
    const coding = keepPlan(format, `encode ${type} ${nanCode} ${options.rounding}`, () =>
      planListEncoding(type, format, BigInt(nanCode), options),
    );
    return { coding, inLoop: undefined, isApart: false };
  }
  const coding = keepPlan(format, `encode ${type} ${nanCode}`, () =>
    planEncoding(type, format, BigInt(nanCode)),
  );
  const rounding = planRounding(type, format, options);
  const isInLoop = coding !== undefined && rounding !== undefined && isForWorkers(rounding, options);
  return { coding, inLoop: isInLoop ? rounding : undefined, isApart: !isInLoop };
}

/** Throws the error of the first NaN that has no code. */
function refuse(values: RealArray, format: Format, options: ResolvedRounding, nan: NaNTreatment): never {
  const index = values.findIndex((value) => Number.isNaN(roundScalar(value, format, options, 0)));
  if (nan !== 'error') format.encode(0); // throws: zero is not in the format
  throw noNaN(index, format);
}

/**
 * Rounds numbers to a format and gives their codes.
 *
 * @param type The lanes in which numbers are rounded: 'float32' only where every value of the format is a binary32 number.
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing.
 * @throws RangeError for NaN in a format without one, if `nan` is 'error', and for a format without codes; ArgumentError
 *   for too few random integers.
 */
export function encodeArray(
  values: RealArray,
  type: ElementType,
  format: Format,
  options: ResolvedRounding,
  nan: NaNTreatment,
  threads = 1,
): CodeArray {
  const out = newCodes(format, values.length);
  const { coding, inLoop, isApart } = planEncodingOf(type, format, options, nanCodeOf(format, nan));
  let numbers = type === 'float64' && isFloat32Array(values) ? new Float64Array(values) : values;
  if (isApart) {
    const rounded = newLike(numbers);
    roundArray(numbers, rounded, format, options, threads);
    numbers = rounded;
  }
  if (coding === undefined) {
    encodeByReference(numbers, out, format, nan);
    return out;
  }
  const call: CodecCall = {
    task: 'encode',
    plan: coding,
    elementShift: type === 'float32' ? 2 : 3,
    codeShift: codeShiftOf(out),
    rounding: inLoop && { plan: inLoop, options },
    refusesNaN: refusesNaN(format, nan),
  };
  if (!runCodec(call, numbers, out, threads)) refuse(values, format, options, nan);
  return out;
}

function outOfRange(codes: CodeArray, format: Format): RangeError {
  const limit = 1n << BigInt(format.bits);
  const index = Array.prototype.findIndex.call(codes, (code: Code) => BigInt(code) >= limit);
  return new RangeError(
    `codes[${index}]: got ${describe(codes[index])}; accepted: an integer from 0 to 2^${format.bits} - 1 (${format.name})`,
  );
}

/**
 * The numbers of codes.
 *
 * @param codes An array of the narrowest type that holds the format's codes.
 * @param out As long as codes; a Float32Array only where every value of the format is a binary32 number.
 * @param threads As `checkThreads` gives them. Fewer are used where more would gain nothing.
 * @throws RangeError if a code has more bits than the format.
 */
export function decodeArray(codes: CodeArray, out: RealArray, format: Format, threads = 1): void {
  const type = isFloat32Array(out) ? 'float32' : 'float64';
  const plan = keepPlan(format, `decode ${type}`, () => planDecoding(type, format));
  if (plan === undefined) {
    for (let i = 0; i < codes.length; i++) out[i] = format.decode(codes[i]!);
    return;
  }
  const above = (1n << BigInt(format.bits)) - 1n;
  const call: CodecCall = {
    task: 'decode',
    plan,
    elementShift: type === 'float32' ? 2 : 3,
    codeShift: codeShiftOf(codes),
    strayBits: BigInt.asUintN(8 * codes.BYTES_PER_ELEMENT, ~above),
  };
  if (!runCodec(call, codes, out, threads)) throw outOfRange(codes, format);
}
