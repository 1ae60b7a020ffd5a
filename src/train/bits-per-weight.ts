/**
 * The information of a linear weight as forward products read it: of the elements, and the part of a scale (and zero point)
 * that falls to one of them, where groups of weights have scales of their own. A scale of the whole matrix is not counted,
 * as in the sizes of block formats: MXFP4 has 4.25 bits, NVFP4 4.5, ternary weights log2 3.
 */
import { checkFields, checkFunction, integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type Format, toFormat } from '../formats/index.ts';
import { countGroups, type Grouping } from '../quantizers/grouping.ts';
import { type Quantizer, quantizer } from '../quantizers/index.ts';
import { type NoiseOptions, wholeBits } from '../quantizers/transforms/noise.ts';
import { checkSchema, integer, list, someFields, value, word } from '../schema.ts';
import { sizeOf } from '../shape.ts';
import { sizesOf } from './engine/learned-bits.ts';
import { blocksOf, slotsUnder } from './engine/rules.ts';
import { settledOptions } from './engine/slot-spec.ts';
import { storeOf } from './engine/stored-weights.ts';
import { rulesOfPhase } from './engine/timeline.ts';
import type { LinearSlots, OperandSpec } from './linear-slots.ts';
import type { Parameter } from './model.ts';
import { withSpelledQuantizers } from './named-slots.ts';
import { isSlotted, parameterRoles } from './parameter-role.ts';
import type { GivenRecipe, Phase, Recipe } from './recipe.ts';
import { checkRecipe } from './recipe-check.ts';
import { selectables } from './recipe-fit.ts';
import type { WeightStoreSpec } from './stores/index.ts';
import { weightMatrixShape } from './weight-matrix.ts';

/** What is read by which layer. */
export interface WeightReading {
  /** Of the model: its linear weights count by their sizes. */
  readonly parameters: readonly Pick<Parameter, 'name' | 'role' | 'shape'>[];
  /** Default: the phase's, with quantisers at their full strength. */
  readonly slots?: (name: string) => LinearSlots;
}

/** Bits of one element: codebooks, such as the ternary one, may have a number of values that is no power of two. */
const elementBits = (format: Format): number =>
  format.kind === 'codebook' ? format.entropyBits : format.bits;

/** Groups that share a scale, for each element; 0 for one of the whole matrix. */
function groupsPerElement(grouping: Grouping, shape: readonly number[] | undefined): number {
  if (grouping.per === 'tensor') return 0;
  if (shape !== undefined) return countGroups(grouping, shape) / sizeOf(shape);
  if (grouping.per === 'block') return 1 / grouping.size;
  if (grouping.per === 'tile') return 1 / (grouping.rows * grouping.columns);
  throw new ArgumentError(
    'parameters',
    shape,
    `the model's parameters, as there is a scale a ${grouping.per}`,
  );
}

const parameterSchema = someFields({
  name: value<string>((given) => typeof given === 'string', 'a text'),
  role: word(parameterRoles),
  shape: list(integer(1, 2 ** 40), 1, 8),
});

function checkReading(reading: WeightReading): WeightReading {
  checkFields('reading', reading, ['parameters', 'slots']);
  checkSchema('reading.parameters', reading.parameters, list(parameterSchema));
  if (reading.slots !== undefined) checkFunction('reading.slots', reading.slots);
  return reading;
}

function scaleBits({ scale, format }: Quantizer, shape: readonly number[] | undefined): number {
  // A constant is the recipe's.
  if (scale.from === 'constant') return 0;
  const each = scale.format.bits + (scale.hasZeroPoint ? format.bits : 0);
  const ofRows = scale.tensorScale === 'row' ? 32 * groupsPerElement({ per: 'row' }, shape) : 0;
  return each * groupsPerElement(scale.grouping, shape) + ofRows;
}

const float32Bits = 32;

/**
 * Of weights on the grids that noise stands for, learned numbers of bits as they are then: rounded. A step that is a group's own takes
 * 32 more.
 */
function noiseBits({ transform }: Quantizer, shape: readonly number[] | undefined): number {
  if (transform?.name !== 'noise') return float32Bits;
  const { bits, grouping, from, inverse } = transform.toJSON() as unknown as Required<NoiseOptions>;
  if (inverse !== 'keep') return float32Bits;
  const ofSteps = from === 'tensor-range' ? 0 : 32 * groupsPerElement(grouping, shape);
  if (typeof bits === 'number') return wholeBits(bits) + ofSteps;
  if (shape === undefined)
    throw new ArgumentError('parameters', shape, "the model's parameters, as groups have bits of their own");
  const sum = sizesOf(grouping, shape).reduce(
    (total, size, group) => total + size * wholeBits(bits[group]!),
    0,
  );
  return sum / sizeOf(shape) + ofSteps;
}

/** Of an image; a blend with the weight itself has as much as that has. */
function imageBits(spec: OperandSpec | null, shape: readonly number[] | undefined): number {
  // Two bits a complex number, for which the real matrix has four.
  if (spec?.form?.kind === 'complex' && (shape ?? []).slice(-2).every((side) => side % 2 === 0)) return 0.5;
  const options = spec === null || (spec.strength ?? 1) !== 1 ? undefined : settledOptions(spec);
  if (options === undefined) return float32Bits;
  const made = quantizer(options);
  const bits = spec?.form?.kind === 'power' ? spec.form.bits[1] : elementBits(made.format);
  return Math.min(bits + scaleBits(made, shape), noiseBits(made, shape));
}

/** The bits of one weight of such an image, with its part of a group's scale. */
export const bitsOfImage = (made: Quantizer, shape: readonly number[]): number =>
  elementBits(made.format) + scaleBits(made, shape);

function storeBits(store: WeightStoreSpec, shape: readonly number[] | undefined): number {
  switch (store.kind) {
    case 'grid':
    case 'format':
      return elementBits(toFormat(store.format));
    case 'bfloat16':
      return 16;
    case 'group-int8': {
      const size = shape === undefined ? undefined : [sizeOf(shape)];
      return 8 + (32 + 8) * groupsPerElement({ per: 'block', size: store.size }, size);
    }
    case 'master':
      return float32Bits;
  }
}

/** One weight as a forward product reads it. */
interface WeightRead {
  readonly emulate: Phase['emulate'];
  readonly w: OperandSpec | null;
  readonly store: WeightStoreSpec | undefined;
  /** Needed where there is a scale for each row. */
  readonly shape: readonly number[] | undefined;
}

/** The bits of one weight: held by a store, read through a quantiser, rounded by an emulation, of which the narrowest decides. */
export function bitsOfWeight({ emulate, w, store, shape }: WeightRead): number {
  return Math.min(
    float32Bits,
    emulate === null ? float32Bits : elementBits(toFormat(emulate.format)),
    imageBits(w, shape),
    store === undefined ? float32Bits : storeBits(store, shape),
  );
}

/**
 * Mean information of the linear weights, in bits, as the forward products of a phase read them: held by a store, read
 * through a quantiser, rounded by an emulation, of which the narrowest decides.
 *
 * @param phase index; default: the last
 * @param reading the model's weights; needed where layers differ or scales go by the shape
 * @throws ArgumentError naming `parameters` where they are needed, or the argument that is wrong
 * @example
 * bitsPerWeight(recipes.bitnet()) // 1.584962500721156
 */
export function bitsPerWeight(given: GivenRecipe, phase?: number, reading?: WeightReading): number {
  checkRecipe(given);
  const recipe = withSpelledQuantizers<Recipe>('recipe', given);
  const { store, phases, rules = [] } = recipe;
  const last = phases.length - 1;
  const chosen = phases[integerInRange('phase', phase, 0, last, last)]!;
  const { emulate, linear, layers = [] } = chosen;
  const bitsOf = (slots: LinearSlots, held: WeightStoreSpec | undefined, shape?: readonly number[]): number =>
    bitsOfWeight({ emulate, w: slots.forward.w, store: held, shape });
  if (reading === undefined) {
    const areRuled = [...rules, ...(chosen.rules ?? [])].some(
      ({ where: { role = 'all' }, set }) =>
        (role === 'all' || isSlotted(role)) && (set.store !== undefined || set.forward !== undefined),
    );
    if (layers.length > 0 || typeof store?.of === 'object' || areRuled)
      throw new ArgumentError('parameters', reading, "the model's parameters, as layers differ");
    return bitsOf(linear, store);
  }
  const { parameters, slots } = checkReading(reading);
  const all = selectables(parameters);
  const blocks = blocksOf(all);
  const each = all.flatMap((one) => {
    const { name, role, shape } = one;
    if (!isSlotted(role)) return [];
    const own = slots?.(name) ?? slotsUnder(rulesOfPhase(recipe, chosen), one, blocks);
    const matrix = weightMatrixShape(one, own.forward.w);
    return [{ size: sizeOf(shape), bits: bitsOf(own, storeOf(recipe, one, blocks), matrix) }];
  });
  const [first] = each;
  if (first === undefined)
    throw new ArgumentError(
      'parameters',
      parameters,
      'some that are weights of linear layers or convolutions',
    );
  // Without the rounding of a mean where there is nothing to average.
  if (each.every(({ bits }) => bits === first.bits)) return first.bits;
  const weights = each.reduce((sum, { size }) => sum + size, 0);
  return each.reduce((sum, { size, bits }) => sum + size * bits, 0) / weights;
}
