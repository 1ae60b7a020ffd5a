/**
 * What a policy does to one kernel call, resolved: the rounding of its results, what its operands are put through, how its
 * products are summed. Roundings with the same set of values share a grid, so that what lies on it is known by identity.
 */

import type { ResolvedAccumulator } from '../arithmetic/accumulate/model.ts';
import { pathOf, refusedAs } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import {
  type BlockFormat,
  type Format,
  type FormatSpelling,
  formats,
  isBlockFormat,
  isFormat,
  toFormat,
} from '../formats/index.ts';
import {
  blockQuantizerOptions,
  type Quantizer,
  type QuantizerOptions,
  quantizer,
  roundingOrQuantizer,
} from '../quantizers/index.ts';
import type { Saturation } from '../rounding/options.ts';
import {
  isStochastic,
  type ResolvedRounding,
  resolveRounding,
  type SubnormalTreatment,
} from '../rounding/options.ts';
import { type AccumulatorSpec, resolveAccumulatorSpec } from './accumulator.ts';
import { checkTensorFormat } from './check-tensors.ts';
import type { InputSpec, KernelSpec, RoleSpec } from './policy.ts';

/** A set of values: what a rounding of any mode leaves unchanged, but for jamming. Compared by identity, one policy at a time. */
export interface Grid {
  readonly format: Format;
  /** Whether only values with the last bit set are on the grid. */
  readonly isJammed: boolean;
  readonly saturation: Saturation;
  readonly subnormals: SubnormalTreatment;
}

export interface RoleRounding {
  readonly grid: Grid;
  readonly options: ResolvedRounding;
  readonly stochastic: boolean;
}

/** What an operand is put through: a rounding (`null`: none), then a quantiser if there is one. */
interface Treatment {
  readonly rounding: RoleRounding | null;
  /** For a product that sums over the axis: blocks lie along it unless they name another. */
  readonly quantizer: ((axis: number) => Quantizer) | undefined;
}

export interface Effect {
  /** Of results; `null`: float32. */
  readonly rounding: RoleRounding | null;
  /** Of an operand, by its name. */
  treatment(name: string): Treatment;
  /** The sums of a product, ending in `rounding`; `null`: binary32, in order, and `rounding` after it. */
  readonly accumulator: ResolvedAccumulator | null;
  /** The same for sums that a bias and an activation follow: they end in binary32. */
  readonly innerAccumulator: ResolvedAccumulator | null;
  readonly decomposed: boolean;
  /** Whether a rule names the kernel: then it is rounded even if it only carries values. */
  readonly isNamed: boolean;
}

const blocks = new WeakMap<BlockFormat, QuantizerOptions>();
const named = new Map<string, QuantizerOptions>();

/** What a map has for a key, made where it has nothing. */
function kept<K, V>(
  known: { has(key: K): boolean; get(key: K): V | undefined; set(key: K, made: V): unknown },
  key: K,
  make: () => V,
): V {
  if (!known.has(key)) known.set(key, make());
  return known.get(key)!;
}

/** What a name or a block format stands for; anything else is itself. Equal ones are one object, which is what is kept by identity. */
function treatmentNamed(given: InputSpec): Exclude<InputSpec, string | BlockFormat> {
  if (isBlockFormat(given)) return kept(blocks, given, () => blockQuantizerOptions(given));
  if (typeof given !== 'string') return given;
  const { rounding, quantizer: options } = roundingOrQuantizer(given);
  return rounding ?? kept(named, given, () => options);
}

/** Operands of fused kernels that are no factors of the product: they are the operands of what follows it. */
const besideProducts: ReadonlySet<string> = new Set(['bias', 'preluActivationWeights']);

type Spec = Omit<KernelSpec, 'format'> & { readonly format?: Format | FormatSpelling | null };

/** Whether rounding binary32 values to the format changes none of them. */
function isIdentity(format: Format, options: ResolvedRounding): boolean {
  return (
    format.kind === 'float' &&
    format.specials === 'ieee' &&
    format.isSigned &&
    format.precision >= 24 &&
    format.emax >= 127 &&
    format.emin <= -126 &&
    options.subnormals === 'keep' &&
    options.saturation !== 'finite' &&
    options.rounding !== 'jamming'
  );
}

/** Runs a check of an operand's treatment: what is wrong lies at its path, or is a manner that its format does not have. */
function located<T>(path: string, given: unknown, run: () => T): T {
  return refusedAs(run, ({ argument, accepted }) => {
    if (typeof given === 'object' && !isFormat(given)) return `${path}.${argument}`;
    const isName = argument === 'format';
    const words = isName ? accepted : `a format that goes with the role's ${argument}: ${accepted}`;
    return new ArgumentError(path, given, words);
  });
}

/** Makes what rules say of one format, of one policy; its grids are added to `grids`. */
class RoleRoundings {
  readonly #seed: number;
  readonly #grids: Grid[];

  constructor(seed: number, grids: Grid[]) {
    this.#seed = seed;
    this.#grids = grids;
  }

  of({ format: formatOrName, ...options }: RoleSpec): RoleRounding | null {
    const format = toFormat(formatOrName!);
    const resolved = resolveRounding(format, { ...options, seed: this.#seed });
    if (isIdentity(format, resolved)) return null;
    checkTensorFormat('format', format);
    return {
      grid: this.#gridOf(format, resolved),
      options: resolved,
      stochastic: isStochastic(resolved.rounding),
    };
  }

  #gridOf(format: Format, { rounding, saturation, subnormals }: ResolvedRounding): Grid {
    const isJammed = rounding === 'jamming';
    const known = this.#grids.find(
      (g) =>
        (g.format === format || (g.format.kind !== 'codebook' && g.format.name === format.name)) &&
        g.isJammed === isJammed &&
        g.saturation === saturation &&
        g.subnormals === subnormals,
    );
    if (known !== undefined) return known;
    const grid = { format, isJammed, saturation, subnormals };
    this.#grids.push(grid);
    return grid;
  }
}

/** Makes what operands are put through, of one policy. */
class Treatments {
  readonly #seed: number;
  readonly #roundings: RoleRoundings;
  readonly #quantizers = new Map<object, Map<number, Quantizer>>();

  constructor(seed: number, roundings: RoleRoundings) {
    this.#seed = seed;
    this.#roundings = roundings;
  }

  of(given: InputSpec, role: RoleRounding | null, modes: RoleSpec): Treatment {
    const spec = treatmentNamed(given);
    if (isFormat(spec))
      return { rounding: this.#roundings.of({ ...modes, format: spec }), quantizer: undefined };
    if (!('scale' in spec))
      return { rounding: this.#roundings.of({ ...modes, ...spec }), quantizer: undefined };
    const options = spec as QuantizerOptions;
    const { scale } = options;
    const isOpen = scale.per === 'block' && scale.axis === undefined;
    const byAxis = kept(this.#quantizers, spec, () => new Map<number, Quantizer>());
    const quantizerFor = (axis: number): Quantizer =>
      kept(byAxis, isOpen ? axis : -1, () =>
        quantizer({ seed: this.#seed, ...options, ...(isOpen ? { scale: { ...scale, axis } } : {}) }),
      );
    quantizerFor(-1);
    return { rounding: role, quantizer: quantizerFor };
  }

  /** Of each operand, by its name; `plain` of those that are none of the product, or not named. */
  byName(inputs: KernelSpec['inputs'], plain: Treatment, modes: RoleSpec): Effect['treatment'] {
    if (inputs === undefined || inputs === null) return () => plain;
    const at = (path: string, given: InputSpec): Treatment =>
      located(path, given, () => this.of(given, plain.rounding, modes));
    const isOne =
      typeof inputs !== 'object' || 'format' in inputs || isFormat(inputs) || isBlockFormat(inputs);
    if (isOne) {
      const same = at('inputs', inputs as InputSpec);
      return (name) => (besideProducts.has(name) ? plain : same);
    }
    const byName = new Map(
      Object.entries(inputs as Record<string, InputSpec | null>).map(([name, given]) => [
        name,
        given === null || given === undefined ? plain : at(pathOf('inputs', name), given),
      ]),
    );
    return (name) => byName.get(name) ?? plain;
  }
}

/** Texts that equal rules share; what JSON cannot say, and formats, are named by their identity. */
function keysOfRules(): (spec: Spec, isNamed: boolean) => string {
  const known = new Map<unknown, number>();
  const numberOf = (value: unknown): string => `#${kept(known, value, () => known.size)}`;
  return (spec, isNamed) =>
    JSON.stringify([isNamed, spec], function (this: Readonly<Record<string, unknown>>, name) {
      // What the object holds, not what it says of itself in JSON: formats of one name may differ.
      const value = this[name];
      if (typeof value === 'string' || typeof value === 'boolean') return value;
      const isPlain = typeof value === 'object' && value !== null && !('toJSON' in value);
      return isPlain && !ArrayBuffer.isView(value) ? value : numberOf(value);
    });
}

/** Makes the effects of one policy, which share quantisers and `grids`; equal rules have the same effect. */
export function effectMaker(seed: number, grids: Grid[]): (spec: Spec, isNamed: boolean) => Effect | null {
  const roundings = new RoleRoundings(seed, grids);
  const treatments = new Treatments(seed, roundings);
  const keyOf = keysOfRules();
  const effects = new Map<string, Effect | null>();
  const make = (spec: Spec, isNamed: boolean): Effect | null => {
    const { format, inputs, accumulator, fused = 'once', ...modes } = spec;
    const hasFormat = format !== undefined && format !== null;
    const rounding = hasFormat ? roundings.of({ ...modes, format }) : null;
    const treatment = treatments.byName(inputs, { rounding, quantizer: undefined }, modes);
    const { binary32 } = formats;
    const nearest = resolveRounding(binary32, { seed });
    const result = rounding ?? { grid: { format: binary32 }, options: nearest };
    const target = result.grid.format;
    const own = resolveAccumulatorSpec(accumulator, target, result.options);
    if (rounding === null && own === null && inputs == null) return null;
    const inner = own === null ? null : resolveAccumulatorSpec(accumulator, binary32, nearest, target);
    return {
      rounding,
      treatment,
      accumulator: own,
      innerAccumulator: inner,
      decomposed: fused === 'decomposed',
      isNamed,
    };
  };
  return (spec, isNamed) => kept(effects, keyOf(spec, isNamed), () => make(spec, isNamed));
}

/** The same effect with products summed by a model; of no effect, in float32 otherwise. */
export function withAccumulator(effect: Effect | null, spec: AccumulatorSpec): Effect {
  const { binary32 } = formats;
  const nearest = resolveRounding(binary32);
  const rounding = effect?.rounding ?? null;
  const target = rounding?.grid.format ?? binary32;
  const plain: Treatment = { rounding: null, quantizer: undefined };
  return {
    rounding,
    treatment: (name) => effect?.treatment(name) ?? plain,
    accumulator: resolveAccumulatorSpec(spec, target, rounding?.options ?? nearest),
    innerAccumulator: resolveAccumulatorSpec(spec, binary32, nearest, target),
    decomposed: effect?.decomposed ?? false,
    isNamed: effect?.isNamed ?? false,
  };
}
