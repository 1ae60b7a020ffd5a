/** `encode` and `decode` of whole arrays: numbers are rounded and turned into codes in one loop; or codes into numbers. */
import { isFloat32Array, newLike, type RealArray } from '../array-kinds.ts';
import { describe } from '../errors.ts';
import { type CodeArray, newCodes } from '../formats/codes.ts';
import type { Code, Format } from '../formats/format.ts';
import { isStochastic, type ResolvedRounding, roundScalar } from '../rounding/index.ts';
import { type Codec, codecRoomBytes, writeCodec, writeCodecPlace } from './codec-job.ts';
import { type CodecPlan, planDecoding, planEncoding, planListEncoding } from './codec-plan.ts';
import { taskDecode, taskEncode } from './generated/layout-rounding.ts';
import { type Heap, perHeap } from './heap.ts';
import { planCache } from './plan-cache.ts';
import { planRoom } from './rooms.ts';
import { roundArray } from './rounding-arrays.ts';
import { roundingModule } from './rounding-module.ts';
import type { ElementType, RoundingPlan } from './rounding-plan.ts';
import { planRounding } from './rounding-planner.ts';
import { type ElementWork, runElements } from './staging.ts';
import { paces } from './thread-rule.ts';

/** What NaN becomes in a format without NaN. */
export type NaNTreatment = 'error' | 'zero' | 'max';

/** The room of a heap, where a codec is written down. */
const roomOn = perHeap((heap) => planRoom<Codec>(heap, codecRoomBytes, writeCodec));

function codeShiftOf(format: Format): 0 | 1 | 2 | 3 {
  const { bits } = format;
  return bits <= 8 ? 0 : bits <= 16 ? 1 : bits <= 32 ? 2 : 3;
}

const elementShiftOf = (type: ElementType): 2 | 3 => (type === 'float32' ? 2 : 3);

/** Encoding or decoding of arrays. */
class CodecWork implements ElementWork {
  readonly arrays: readonly (RealArray | CodeArray)[];
  readonly out: RealArray | CodeArray;
  readonly isInPlace = false;
  readonly pace: number = paces.slow;
  readonly module = roundingModule;
  readonly roomBytes = codecRoomBytes;
  private readonly codec: Codec;
  /** Of the rounding before. */
  private readonly options: ResolvedRounding | undefined;
  private heap: Heap | undefined;
  private room = 0;

  constructor(
    codec: Codec,
    options: ResolvedRounding | undefined,
    from: RealArray | CodeArray,
    to: RealArray | CodeArray,
  ) {
    this.arrays = [from, to];
    this.out = to;
    this.codec = codec;
    this.options = options;
  }

  prepare(heap: Heap): void {
    this.room = roomOn(heap).of(this.codec);
    this.heap = heap;
  }

  run([from, to]: readonly number[], start: number, length: number): boolean {
    const heap = this.heap!;
    writeCodecPlace(heap, this.room, this.codec, this.options, from!, to!, start);
    return roundingModule.on(heap.memory).piece(this.room, 0, length) < 0;
  }

  write(heap: Heap, room: number, [from, to]: readonly number[], start: number): void {
    writeCodec(heap, room, this.codec);
    writeCodecPlace(heap, room, this.codec, this.options, from!, to!, start);
  }
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

/** How numbers get their codes; undefined where no kernel does it so. */
interface Encoding {
  /** Rounded and encoded in one loop. */
  readonly joined: Codec | undefined;
  /** Of numbers that are rounded. */
  readonly alone: Codec | undefined;
}

const keepCoding = planCache<CodecPlan | undefined>();
const keepEncoding = planCache<Encoding>();
const keepDecoding = planCache<Codec | undefined>();

function makeEncoding(
  type: ElementType,
  format: Format,
  options: ResolvedRounding,
  nan: NaNTreatment,
): Encoding {
  const nanCode = BigInt(nanCodeOf(format, nan));
  const codecOf = (plan: CodecPlan, rounding: RoundingPlan | undefined): Codec => ({
    task: taskEncode,
    plan,
    elementShift: elementShiftOf(type),
    codeShift: codeShiftOf(format),
    rounding,
    refusesNaN: refusesNaN(format, nan),
    strayBits: 0n,
  });
  // Codes of lists are found by the search that would round.
  if ((format.kind === 'codebook' || format.kind === 'logarithmic') && !isStochastic(options.rounding))
    return { joined: codecOf(planListEncoding(type, format, nanCode, options), undefined), alone: undefined };
  const coding = keepCoding(format, type, nan, undefined, () => planEncoding(type, format, nanCode));
  if (coding === undefined) return { joined: undefined, alone: undefined };
  const rounding = planRounding(type, format, options);
  const isWhole = rounding !== undefined && rounding.deferred === undefined;
  return { joined: isWhole ? codecOf(coding, rounding) : undefined, alone: codecOf(coding, undefined) };
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
  const make = (): Encoding => makeEncoding(type, format, options, nan);
  const { joined, alone } = keepEncoding(format, type, nan, options, make);
  const numbers = type === 'float64' && isFloat32Array(values) ? new Float64Array(values) : values;
  // Integers that are supplied are fed by a rounding apart.
  const isJoined = joined !== undefined && !(joined.rounding?.readsRandom && options.random !== undefined);
  if (isJoined) {
    if (!runElements(new CodecWork(joined, options, numbers, out), threads))
      refuse(values, format, options, nan);
    return out;
  }
  const rounded = newLike(numbers);
  roundArray(numbers, rounded, format, options, threads);
  if (alone === undefined) encodeByReference(rounded, out, format, nan);
  else if (!runElements(new CodecWork(alone, undefined, rounded, out), threads))
    refuse(values, format, options, nan);
  return out;
}

function outOfRange(codes: CodeArray, format: Format): RangeError {
  const limit = 1n << BigInt(format.bits);
  const index = Array.prototype.findIndex.call(codes, (code: Code) => BigInt(code) >= limit);
  return new RangeError(
    `codes[${index}]: got ${describe(codes[index])}; accepted: an integer from 0 to 2^${format.bits} - 1 (${format.name})`,
  );
}

function makeDecoding(type: ElementType, format: Format): Codec | undefined {
  const plan = planDecoding(type, format);
  if (plan === undefined) return undefined;
  const codeShift = codeShiftOf(format);
  const stray = ~((1n << BigInt(format.bits)) - 1n);
  return {
    task: taskDecode,
    plan,
    elementShift: elementShiftOf(type),
    codeShift,
    rounding: undefined,
    refusesNaN: false,
    strayBits: BigInt.asUintN(8 << codeShift, stray),
  };
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
  const codec = keepDecoding(format, type, 'decode', undefined, () => makeDecoding(type, format));
  if (codec === undefined) {
    for (let i = 0; i < codes.length; i++) out[i] = format.decode(codes[i]!);
    return;
  }
  if (!runElements(new CodecWork(codec, undefined, codes, out), threads)) throw outOfRange(codes, format);
}
