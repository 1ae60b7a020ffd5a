/**
 * What operations keep for their gradients under a recipe: which rule is for which operation, and the running ranges that codecs
 * remember, one for each tensor of a pass. How tensors get there is `src/tfjs/saved-tensors.ts`.
 */
import { globMatcher } from '../../glob.ts';
import type { RangeLayout } from '../../kernels/ranges.ts';
import type { QuantizerState } from '../../quantizers/tracking.ts';
import { sizeOf } from '../../shape.ts';
import type { HeldTensor, SavingRole, TensorCodec, TensorKernels } from '../../tfjs/saved-tensors.ts';
import { hashData } from '../hash.ts';
import { fnv1a32 } from '../random.ts';
import { type Hold, holdAs } from '../saved/codecs.ts';
import { holdInRanges, rangeLayout, rangesOf, trackedRanges } from '../saved/ranges.ts';
import type { RangesSaved, SavedCodecSpec, SavedRole, SavedRule } from '../saved/spec.ts';
import type { EngineParameter } from './parameters.ts';

/** What a pass draws, and whether it is remembered. */
interface SavedPass {
  readonly seed: number;
  readonly step: number;
  readonly isTraining: boolean;
  /** What a pass that is no step's draws by. */
  readonly suffix: string;
}

/** An operation as rules look at it. */
interface Saving {
  readonly role: SavedRole;
  readonly layer: string;
  /** The parameter of its product. */
  readonly name: string | undefined;
}

/** How a tensor is held beside its codec. */
interface Holding {
  readonly draw: Parameters<Hold>[2];
  readonly pass: SavedPass;
  readonly kernels: TensorKernels | undefined;
}

const defaultLeast = 4096;
const defaultDecay = 0.9;
/** Indices of random integers that a tensor has for itself in each gradient of a step. */
const drawsPerPass = 2 ** 32;

/** What becomes of an operation with a parameter, or without. */
function savingOf(
  parameter: Pick<EngineParameter, 'name' | 'role' | 'layer'> | undefined,
  role: SavingRole,
  path: readonly string[],
): Saving | undefined {
  if (parameter === undefined) return { role, layer: path.join('/'), name: undefined };
  const { name, layer, role: own } = parameter;
  // A norm's gain is no operand of a product.
  if (own === 'norm' || own === 'gain' || own === 'bias') return undefined;
  return { role: own, layer, name };
}

export class SavedSlots {
  readonly #rules: readonly {
    readonly rule: SavedRule;
    readonly isMeant: (layer: string) => boolean;
    /** Tells codecs apart. */
    readonly hash: string;
  }[];
  /** What is remembered, by tensor. */
  readonly #memories = new Map<string, QuantizerState>();
  readonly #holds = new Map<SavedCodecSpec, Hold>();
  /** Operations of each layer and role in the pass so far. */
  readonly #seen = new Map<string, number>();
  #step = -1;
  /** Gradients that were taken in the step. */
  #passes = 0;

  constructor(rules: readonly SavedRule[] = []) {
    this.#rules = rules.map((rule) => ({
      rule,
      hash: hashData(rule.codec),
      isMeant: rule.where.layer === undefined ? () => true : globMatcher(rule.where.layer, '/.'),
    }));
  }

  /** Whether anything is held in codes. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** An outermost gradient begins. */
  begins(step: number): void {
    this.#seen.clear();
    this.#passes = step === this.#step ? this.#passes + 1 : 0;
    this.#step = step;
  }

  /** The codec of an operation's tensors; null: as they are. */
  codecOf(
    parameter: Pick<EngineParameter, 'name' | 'role' | 'layer'> | undefined,
    role: SavingRole,
    path: readonly string[],
    pass: SavedPass,
  ): TensorCodec | null {
    const saving = savingOf(parameter, role, path);
    const found = saving && this.#ruleOf(saving);
    if (found === undefined) return null;
    const { rule, hash } = found;
    const spec = rule.codec;
    if (spec.kind === 'none') return null;
    const { least = defaultLeast } = spec;
    const place = this.#placeOf(saving!);
    const areHeads = saving!.role === 'attention' || saving!.role === 'softmax';
    const offset = this.#passes * drawsPerPass;
    return {
      // Operations that read one tensor keep it once.
      key: `${areHeads ? 'heads' : 'rows'} ${hash}`,
      hold: (values, shape, at, kernels) => {
        // A number for each row is a statistic of it.
        if (sizeOf(shape) < least || (shape.at(-1) ?? 1) === 1) return null;
        const key = `${place}.${at}/${hash}`;
        const stream = (BigInt(fnv1a32(key + pass.suffix)) << 32n) | BigInt(pass.step);
        const draw = { seed: pass.seed, stream, offset };
        const how = { draw, pass, kernels };
        if (spec.kind === 'ranges8')
          return this.#inRanges(spec, key, rangeLayout(shape, spec.groups, areHeads), values, how);
        const hold = this.#holds.get(spec) ?? holdAs(spec);
        this.#holds.set(spec, hold);
        return hold(values, shape, draw, kernels);
      },
    };
  }

  #ruleOf({ role, layer, name }: Saving) {
    return this.#rules.findLast(
      ({ rule: { where }, isMeant }) =>
        (where.role === undefined || where.role === 'all' || where.role === role) &&
        (isMeant(layer) || (name !== undefined && isMeant(name))),
    );
  }

  /**
   * `name/saved.role3`: the fourth operation of that role with the parameter, or in the program without one. Layers have no part in it: names
   * that TensorFlow.js makes up differ from one making of a model to the next.
   */
  #placeOf({ role, name = 'program' }: Saving): string {
    const slot = `${name}/saved.${role}`;
    const index = this.#seen.get(slot) ?? 0;
    this.#seen.set(slot, index + 1);
    return `${slot}${index}`;
  }

  #inRanges(
    { decay = defaultDecay, rounding }: RangesSaved,
    key: string,
    layout: RangeLayout,
    values: Float32Array,
    { draw, pass, kernels }: Holding,
  ): HeldTensor | null {
    const now = rangesOf(values, layout, kernels);
    if (!now.every(Number.isFinite)) return null;
    const ranges = trackedRanges(this.#memories.get(key)?.average, now, decay);
    if (pass.isTraining) this.#memories.set(key, { average: [...ranges] });
    return holdInRanges(values, layout, ranges, rounding === 'stochastic' ? draw : undefined, kernels);
  }

  /** What is remembered, by tensor and codec. */
  get memories(): ReadonlyMap<string, QuantizerState> {
    return this.#memories;
  }

  /** Takes up what is a kept tensor's of what was remembered; the rest is others'. */
  restore(memories: ReadonlyMap<string, QuantizerState>): Map<string, QuantizerState> {
    this.#memories.clear();
    const others = new Map<string, QuantizerState>();
    for (const [key, state] of memories) (isSavedKey(key) ? this.#memories : others).set(key, state);
    return others;
  }
}

/** Whether a key of what is remembered is that of a kept tensor. */
export function isSavedKey(key: string): boolean {
  return /\/saved\.[a-z]+[0-9]+\.[0-9]+\/[0-9a-f]+$/.test(key);
}
