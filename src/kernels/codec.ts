/**
 * `encode` and `decode` of whole arrays: staged through the library's private memory a cache-sized chunk at a time, rounded
 * there, and turned into codes; or the other way round. Codes of less than 16 bytes a vector, so counts are padded to 16.
 */
import { isFloat32Array, kindOf, type RealArray } from '../array-kinds.ts';
import { describe } from '../errors.ts';
import { type CodeArray, newCodes } from '../formats/codes.ts';
import type { Code, Format } from '../formats/format.ts';
import { isStochastic, type ResolvedRounding, roundArrayReference } from '../rounding/index.ts';
import { type CodecPlan, planDecoding, planEncoding, planListEncoding } from './codec-plan.ts';
import { parameterBytes, tableSlot } from './generated/layout-rounding.ts';
import { privateHeap } from './heap.ts';
import { checkSupplied, type Rounder, rounderOn } from './rounder.ts';
import { type RoundingModuleExports, roundingModule } from './rounding-module.ts';
import type { ElementType } from './rounding-plan.ts';
import { planRounding } from './rounding-planner.ts';
import { tableOn } from './tables.ts';

/** What NaN becomes in a format without NaN. */
export type NaNTreatment = 'error' | 'zero' | 'max';

/** Elements a chunk: 64 KiB of binary64 numbers and as much of codes at most. A multiple of 16. */
const chunk = 8192;

interface Staging {
  readonly memory: WebAssembly.Memory;
  readonly raw: RoundingModuleExports;
  readonly rounder: Rounder;
  readonly parameters: number;
  readonly values: number;
  readonly codes: number;
}

let stagingMade: Staging | undefined;

function staging(): Staging {
  if (stagingMade === undefined) {
    const heap = privateHeap();
    const raw = roundingModule.on(heap.memory);
    const [parameters, values, codes] = [parameterBytes, 8 * chunk, 8 * chunk].map((bytes) =>
      heap.allocate(bytes),
    ) as [number, number, number];
    stagingMade = { memory: heap.memory, raw, rounder: rounderOn(heap), parameters, values, codes };
  }
  return stagingMade;
}

function codeShiftOf(codes: CodeArray): 0 | 1 | 2 | 3 {
  return Math.log2(codes.BYTES_PER_ELEMENT) as 0 | 1 | 2 | 3;
}

/** A view of the same kind over the heap. */
function codesAt(like: CodeArray, buffer: ArrayBufferLike, pointer: number, length: number): CodeArray {
  switch (kindOf(like)) {
    case 'Uint8Array':
      return new Uint8Array(buffer, pointer, length);
    case 'Uint16Array':
      return new Uint16Array(buffer, pointer, length);
    case 'Uint32Array':
      return new Uint32Array(buffer, pointer, length);
    default:
      return new BigUint64Array(buffer, pointer, length);
  }
}

/** Copies between code arrays of one kind. */
function copyCodes(to: CodeArray, from: CodeArray, at: number): void {
  // The kinds agree, which their type does not say.
  (to as Uint32Array).set(from as Uint32Array, at);
}

const plans = new WeakMap<Format, Map<string, CodecPlan | undefined>>();

function keptPlan(format: Format, key: string, make: () => CodecPlan | undefined): CodecPlan | undefined {
  let ofFormat = plans.get(format);
  if (ofFormat === undefined) {
    ofFormat = new Map();
    plans.set(format, ofFormat);
  }
  if (!ofFormat.has(key)) ofFormat.set(key, make());
  return ofFormat.get(key);
}

/** Puts the constants and tables of a plan on the heap. */
function install(at: Staging, plan: CodecPlan): void {
  const table = plan.tables === undefined ? 0 : tableOn(privateHeap(), plan.tables);
  new Uint8Array(at.memory.buffer, at.parameters, plan.block.length).set(plan.block);
  new Uint32Array(at.memory.buffer, at.parameters, parameterBytes / 4)[tableSlot / 4] = table;
}

/** The error of NaN for a format without one. */
function noNaN(index: number, format: Format): RangeError {
  return new RangeError(
    `values[${index}]: got NaN; accepted: a number, as ${format.name} has no NaN, unless the option nan says otherwise`,
  );
}

/** Rounds a chunk in place where no kernel does; its random integers are those of the indices from `start` on. */
function roundByReference(chunk: RealArray, format: Format, options: ResolvedRounding, start: number): void {
  const random = options.random?.subarray(start, start + chunk.length);
  roundArrayReference(chunk, chunk, format, { ...options, offset: options.offset + start, random });
}

function encodeByReference(
  rounded: RealArray,
  codes: CodeArray,
  start: number,
  format: Format,
  nan: NaNTreatment,
): void {
  rounded.forEach((value, i) => {
    if (!Number.isNaN(value) || format.hasNaN) codes[start + i] = format.encode(value);
    else if (nan === 'error') throw noNaN(start + i, format);
    else codes[start + i] = format.encode(nan === 'zero' ? 0 : format.max);
  });
}

/** The code of NaN; where a format has none and is not told, one that does not matter. */
function nanCodeOf(format: Format, nan: NaNTreatment): Code {
  if (format.hasNaN) return format.encode(NaN);
  if (nan === 'error') return 0;
  // A codebook may be without zero, which matters only if there is a NaN.
  return nan === 'zero' ? (format.has(0) ? format.encode(0) : 0) : format.encode(format.max);
}

/** Whether a NaN of the chunk is an error. */
function refusesNaN(format: Format, nan: NaNTreatment): boolean {
  return !format.hasNaN && (nan === 'error' || (nan === 'zero' && !format.has(0)));
}

/**
 * Rounds numbers to a format and gives their codes.
 *
 * @param type The lanes in which numbers are rounded: 'float32' only where every value of the format is a binary32 number.
 * @throws RangeError for NaN in a format without one, if `nan` is 'error', and for a format without codes; ArgumentError
 *   for too few random integers.
 */
export function encodeArray(
  values: RealArray,
  type: ElementType,
  format: Format,
  options: ResolvedRounding,
  nan: NaNTreatment,
): CodeArray {
  const out = newCodes(format, values.length);
  const nanCode = nanCodeOf(format, nan);
  // Codes of lists are found by the search that would round.
  const isList = format.kind === 'codebook' || format.kind === 'logarithmic';
  const roundsToo = isList && !isStochastic(options.rounding);
  const rounding = roundsToo ? undefined : planRounding(type, format, options);
  if (rounding !== undefined) checkSupplied(rounding, options, values.length);
  const coding = roundsToo
    ? keptPlan(format, `encode ${type} ${nanCode} ${options.rounding}`, () =>
        planListEncoding(type, format, BigInt(nanCode), options),
      )
    : keptPlan(format, `encode ${type} ${nanCode}`, () => planEncoding(type, format, BigInt(nanCode)));
  const at = staging();
  const { raw, rounder, memory } = at;
  const elementShift = type === 'float32' ? 2 : 3;
  const codeShift = codeShiftOf(out);
  for (let start = 0; start < values.length; start += chunk) {
    const length = Math.min(chunk, values.length - start);
    const padded = Math.ceil(length / 16) * 16;
    if (rounding !== undefined) rounder.prepare(rounding);
    if (coding !== undefined) install(at, coding);
    // From here on the memory does not grow.
    const view = type === 'float32' ? Float32Array : Float64Array;
    const staged = new view(memory.buffer, at.values, padded);
    staged.set(values.subarray(start, start + length));
    staged.fill(0, length);
    if (refusesNaN(format, nan) && raw.hasNaN(elementShift, at.values, padded << elementShift) !== 0) {
      const index = start + staged.findIndex(Number.isNaN);
      if (nan === 'error') throw noNaN(index, format);
      format.encode(0); // throws: zero is not in the format
    }
    if (rounding !== undefined) rounder.round(rounding, at.values, at.values, length, options, start);
    else if (!roundsToo) roundByReference(staged.subarray(0, length), format, options, start);
    if (coding === undefined) {
      encodeByReference(staged.subarray(0, length), out, start, format, nan);
      continue;
    }
    raw.encode(coding.kernel, codeShift, at.values, at.codes, padded, at.parameters);
    copyCodes(out, codesAt(out, memory.buffer, at.codes, length), start);
  }
  return out;
}

function outOfRange(codes: CodeArray, start: number, format: Format): RangeError {
  const limit = 1n << BigInt(format.bits);
  const index = Array.prototype.findIndex.call(codes, (code: Code) => BigInt(code) >= limit);
  return new RangeError(
    `codes[${start + index}]: got ${describe(codes[index])}; accepted: an integer from 0 to 2^${format.bits} - 1 (${format.name})`,
  );
}

/**
 * The numbers of codes.
 *
 * @param codes An array of the narrowest type that holds the format's codes.
 * @param out As long as codes; a Float32Array only where every value of the format is a binary32 number.
 * @throws RangeError if a code has more bits than the format.
 */
export function decodeArray(codes: CodeArray, out: RealArray, format: Format): void {
  const type = isFloat32Array(out) ? 'float32' : 'float64';
  const plan = keptPlan(format, `decode ${type}`, () => planDecoding(type, format));
  if (plan === undefined) {
    for (let i = 0; i < codes.length; i++) out[i] = format.decode(codes[i]!);
    return;
  }
  const at = staging();
  install(at, plan);
  const { raw, memory } = at;
  const codeShift = codeShiftOf(codes);
  const view = type === 'float32' ? Float32Array : Float64Array;
  const above = (1n << BigInt(format.bits)) - 1n;
  for (let start = 0; start < codes.length; start += chunk) {
    const length = Math.min(chunk, codes.length - start);
    const padded = Math.ceil(length / 16) * 16;
    const staged = codesAt(codes, memory.buffer, at.codes, padded);
    copyCodes(staged, codes.subarray(start, start + length), 0);
    if (padded > length)
      new Uint8Array(staged.buffer, at.codes).fill(0, length << codeShift, padded << codeShift);
    if (format.bits < 8 << codeShift) {
      const bits = BigInt.asUintN(64, raw.codeBits(at.codes, padded << codeShift, codeShift));
      if (bits > above) throw outOfRange(staged, start, format);
    }
    raw.decode(plan.kernel, codeShift, at.codes, at.values, padded, at.parameters);
    out.set(new view(memory.buffer, at.values, length), start);
  }
}
