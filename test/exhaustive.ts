/**
 * Exhaustive comparison, for the quick and the slow suite: one format, many inputs, every mode, saturation and treatment
 * of subnormals. The scalar reference must equal the exact table oracle, and the arrays that `round` gives must equal
 * the reference, on every bit (NaN as a class).
 */
import { type Format, formats, type P3109Parameters, p3109, posit } from '../src/formats/index.ts';
import { roundingPath } from '../src/kernels/rounding-planner.ts';
import { fitsBinary32, round } from '../src/operations/conversions.ts';
import {
  drawIntegers,
  isStochastic,
  type RoundingMode,
  type RoundOptions,
  resolveRounding,
  roundArrayReference,
  roundingModes,
  type Saturation,
  type SubnormalTreatment,
} from '../src/rounding/index.ts';
import { nextMagnitude } from '../src/testing/index.ts';
import { type TableOracle, tableOracle } from './oracles/table.ts';

export const seed = 20260103;
const codes16 = 2 ** 16;

/** Every code of binary16, then every code of bfloat16: NaNs, infinities and zeros included. */
export function all16BitFloats(): Float64Array {
  const values = new Float64Array(2 * codes16);
  for (let code = 0; code < codes16; code++) {
    values[code] = formats.binary16.decode(code);
    values[codes16 + code] = formats.bfloat16.decode(code);
  }
  return values;
}

/** All P3109 formats of K bits that fit in binary64: every precision, signed and unsigned, both domains. */
export function p3109Formats(bits: number): Format[] {
  const found: Format[] = [];
  for (const signed of [true, false])
    for (let precision = 1; precision <= (signed ? bits - 1 : bits); precision++)
      for (const domain of ['extended', 'finite'] as const) {
        const format = within64({ bits, precision, signed, domain });
        if (format !== undefined) found.push(format);
      }
  return found;
}

function within64(parameters: P3109Parameters): Format | undefined {
  // The exponent field of the format, and its bias of half as many values.
  const exponentBits = parameters.bits - parameters.precision + (parameters.signed ? 0 : 1);
  return exponentBits > 11 ? undefined : p3109(parameters);
}

/** Where else the neighbours change: under the treatments of subnormals, and for posits the middles of the encoding. */
function furtherTies(format: Format): number[] {
  if (format.kind === 'float') {
    const { minNormal, emin, mantissaBits } = format;
    const half = 2 ** (emin - 1 - mantissaBits);
    return [minNormal / 2, minNormal - half, minNormal - half / 2];
  }
  if (format.kind !== 'posit') return [];
  const finer = posit({ bits: format.bits + 1, es: format.es });
  return Array.from({ length: 2 ** (format.bits - 1) }, (_, code) => finer.decode(2 * code + 1));
}

/**
 * Every finite value of the format, every middle of two of them (of the number next after the largest, too), and the
 * binary64 neighbours of both; infinities, NaN, both zeros and numbers beyond the range; for unsigned formats their
 * negatives.
 */
export function ties(format: Format): Float64Array {
  const values = format.values();
  const last = values.length - 1;
  const gap = values[last]! - values[last - 1]!;
  const points: number[] = [0, -0, Infinity, -Infinity, NaN, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE];
  const push = (x: number): void => {
    points.push(x, nextMagnitude(x, 1), nextMagnitude(x, -1));
    if (!format.isSigned) points.push(-x, -nextMagnitude(x, 1), -nextMagnitude(x, -1));
  };
  values.forEach((value, i) => {
    push(value);
    if (i < last) push(value / 2 + values[i + 1]! / 2);
  });
  for (const beyond of [gap / 2, gap, 2 * gap, values[last]!]) {
    push(values[last]! + beyond);
    push(values[0]! - beyond);
  }
  for (const x of furtherTies(format)) {
    push(x);
    push(-x);
  }
  return Float64Array.from(points);
}

/** Modes that `resolveRounding` accepts for the format. */
export function modesOf(format: Format): readonly RoundingMode[] {
  return format.kind === 'posit' ? ['nearest-even', 'stochastic'] : roundingModes;
}

const allSaturations = ['none', 'finite', 'propagate'] as const;

/** Subnormals, saturation and modes that go together: what cannot matter to a format is tried once. */
function groupsOf(
  format: Format,
): readonly (readonly [SubnormalTreatment, readonly Saturation[], readonly RoundingMode[]])[] {
  const modes = modesOf(format);
  if (format.kind === 'posit') return [['keep', ['none'], modes]];
  if (format.kind !== 'float')
    return [
      ['keep', ['none'], modes],
      ['keep', ['finite', 'propagate'], ['nearest-even']],
    ];
  return [
    ['keep', allSaturations, modes],
    ['flush', ['none'], modes],
    ['round-to-minimum-normal', ['none'], modes],
  ];
}

/** The combinations of options that can matter to the format; stochastic with 32 bits, and with 8 in each variant. */
export function settingsOf(
  format: Format,
  keep: (mode: RoundingMode) => boolean = () => true,
): RoundOptions[] {
  const settings: RoundOptions[] = [];
  for (const [subnormals, saturations, modes] of groupsOf(format))
    for (const saturation of saturations)
      for (const rounding of modes.filter(keep)) {
        const common = { rounding, saturation, subnormals, seed };
        settings.push(common);
        if (rounding === 'stochastic' && saturation === 'none' && subnormals === 'keep')
          for (const variant of ['A', 'B', 'C'] as const)
            settings.push({ ...common, variant, randomBits: 8 });
      }
  return settings;
}

export interface Tally {
  /** Comparisons of the reference with the oracle. */
  oracle: number;
  /** Comparisons of array elements with the reference. */
  arrays: number;
  /** The first mismatches, in words. */
  readonly mismatches: string[];
}

/** Adds counts to a total, which keeps the mismatches of all. */
export function addTo(total: Tally, { oracle, arrays, mismatches }: Tally): void {
  total.oracle += oracle;
  total.arrays += arrays;
  total.mismatches.push(...mismatches);
}

/** The counts, for the record of results. */
export function summary({ oracle, arrays, mismatches }: Tally): string {
  return `reference against oracle ${oracle}, arrays against reference ${arrays}, mismatches ${mismatches.length}`;
}

/** A number in words that tell -0 from 0. */
function show(x: number | undefined): string {
  return Object.is(x, -0) ? '-0' : String(x);
}

function compare(
  label: string,
  actual: Float32Array | Float64Array,
  expected: Float64Array,
  inputs: Float64Array,
  tally: Tally,
): number {
  for (let i = 0; i < inputs.length; i++) {
    if (!Object.is(actual[i], expected[i]) && tally.mismatches.length < 20)
      tally.mismatches.push(`${label} of ${show(inputs[i])}: ${show(actual[i])}, not ${show(expected[i])}`);
  }
  return inputs.length;
}

/** Whether a Float32Array can carry the inputs. */
function areBinary32(inputs: Float64Array): boolean {
  return inputs.every((x) => Object.is(Math.fround(x), x));
}

/** Compares oracle, reference and arrays of either type for every one of the settings. */
export function compareExhaustively(
  format: Format,
  inputs: Float64Array,
  settings: readonly RoundOptions[],
): Tally {
  const tally: Tally = { oracle: 0, arrays: 0, mismatches: [] };
  const inputs32 = fitsBinary32(format) && areBinary32(inputs) ? Float32Array.from(inputs) : undefined;
  const oracles = new Map<SubnormalTreatment, TableOracle>();
  const none = new Uint32Array(inputs.length);
  const expected = new Float64Array(inputs.length);
  const reference = new Float64Array(inputs.length);
  for (const given of settings) {
    const options = resolveRounding(format, given);
    const random = isStochastic(options.rounding) ? drawIntegers(inputs.length, options) : none;
    const oracle = oracles.get(options.subnormals) ?? tableOracle(format, inputs, options.subnormals);
    oracles.set(options.subnormals, oracle);
    oracle.round(options, random, expected);
    roundArrayReference(inputs, reference, format, options);
    const label = `${format.name}, ${JSON.stringify(given)}`;
    tally.oracle += compare(`reference, ${label}`, reference, expected, inputs, tally);
    for (const array of inputs32 === undefined ? [inputs] : [inputs, inputs32]) {
      const type = array === inputs ? 'float64' : 'float32';
      // Without a kernel the array is rounded by the reference: once is enough.
      if (given !== settings[0] && roundingPath(type, format, options) === 'reference') continue;
      const rounded = round(array, format, given);
      tally.arrays += compare(`${type} array, ${label}`, rounded, reference, inputs, tally);
    }
  }
  return tally;
}
