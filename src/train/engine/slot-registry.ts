/**
 * The quantisers of a run: one for each layer, slot and specification, made where it is read first. Here is who owns them, what they
 * remember and what they have drawn; what they do is slots.ts'.
 */
import { isInteger32 } from '../../tfjs/accumulator.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { ProductSlots, SlotOperand, SlotOutput } from '../../tfjs/product-slots.ts';
import { canonicalJson } from '../hash.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import { byOutputs, heldIntegers } from './integer-operands.ts';
import type { SlotMemory } from './learned-bits.ts';
import type { Pass, SlotName } from './slot-spec.ts';
import { Slot } from './slots.ts';

/** The step that a slot has drawn for last, and how many random integers. */
type Drawn = readonly [step: number, drawn: number];

/** How the operands of a call are read beside what its slots say. */
interface Reading {
  readonly pass: Pass;
  /** What is left of every quantiser's strength. */
  readonly strength: number;
  /** Of the layer's input, where its slot has none. */
  readonly norm: 'rms' | 'layer' | undefined;
}

/** Whether a layer's products have nothing done to them. */
function isPlain(x: OperandSpec | null, { forward, inputGradient, weightGradient }: LinearSlots): boolean {
  return (
    [x, forward.w, inputGradient.g, weightGradient.g].every((one) => one === null) &&
    [inputGradient.w, weightGradient.x].every((one) => one === null || one === 'same') &&
    [forward.y, inputGradient.dx, weightGradient.dw].every((one) => one == null) &&
    [forward, inputGradient, weightGradient].every(({ accumulate }) => accumulate == null)
  );
}

export class SlotRegistry {
  readonly #tf: TensorFlow;
  readonly #seed: number;
  readonly #clockOf: (layer: string) => number;
  /** Scales of weights that are held as integers. */
  integersOf: (layer: string) => Float32Array | undefined = () => undefined;
  /** By layer, slot and specification. */
  readonly #slots = new Map<string, Slot>();
  /** What quantisers that have not been read yet are to remember, by the keys of slots. */
  readonly #remembered = new Map<string, SlotMemory>();
  /** Draws of slots that have not been read since a state was taken up. */
  readonly #drawn = new Map<string, Drawn>();

  /** @param clockOf the next step of a layer */
  constructor(tf: TensorFlow, seed: number, clockOf: (layer: string) => number) {
    this.#tf = tf;
    this.#seed = seed;
    this.#clockOf = clockOf;
  }

  /** The slot of a layer whose operand is read as the specification says. */
  of(layer: string, name: SlotName, spec: OperandSpec): Slot {
    const key = `${layer}/${name} ${canonicalJson(spec)}`;
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const made = new Slot(this.#tf, layer, name, spec);
    this.#slots.set(key, made);
    const state = this.#remembered.get(made.key);
    this.#remembered.delete(made.key);
    if (state !== undefined) made.remember(state, { seed: this.#seed, step: this.#clockOf(layer) });
    const drawn = this.#drawn.get(made.key);
    this.#drawn.delete(made.key);
    if (drawn !== undefined) made.resume(...drawn);
    return made;
  }

  /** Every slot that has been read so far. */
  [Symbol.iterator](): Iterator<Slot> {
    return this.#slots.values();
  }

  /** The slots of one call of a layer; null: nothing is done to it. */
  bound(layer: string, slots: LinearSlots, { pass, strength, norm }: Reading): ProductSlots | null {
    const { forward, inputGradient, weightGradient } = slots;
    const x = norm === undefined ? forward.x : { norm, ...forward.x };
    if (isPlain(x, slots)) return null;
    const operand = (name: SlotName, spec: OperandSpec | null): SlotOperand | null =>
      spec === null ? null : this.of(layer, name, spec).operand(pass, (spec.strength ?? 1) * strength);
    const shared = (name: SlotName, spec: OperandSpec | 'same' | null): SlotOperand | 'same' | null =>
      spec === 'same' ? spec : operand(name, spec);
    const output = (name: SlotName, spec: OperandSpec | null | undefined): SlotOutput | null =>
      spec == null ? null : this.of(layer, name, spec).output(pass);
    const isInteger = [forward, inputGradient, weightGradient].some(({ accumulate = null }) =>
      isInteger32(accumulate),
    );
    const scales = isInteger && forward.w === null ? this.integersOf(layer) : undefined;
    const gradient = (
      name: SlotName,
      spec: OperandSpec | null,
      along: 'rows' | 'columns',
    ): SlotOperand | null => {
      const made = operand(name, spec);
      return made === null || scales === undefined ? made : byOutputs(this.#tf, made, scales, along);
    };
    return {
      forward: {
        x: operand('forward.x', x),
        w: scales === undefined ? operand('forward.w', forward.w) : heldIntegers(this.#tf, layer, scales),
        y: output('forward.y', forward.y),
        accumulate: forward.accumulate ?? null,
      },
      inputGradient: {
        g: gradient('inputGradient.g', inputGradient.g, 'columns'),
        w: shared('inputGradient.w', inputGradient.w),
        dx: output('inputGradient.dx', inputGradient.dx),
        accumulate: inputGradient.accumulate ?? null,
      },
      weightGradient: {
        g: gradient('weightGradient.g', weightGradient.g, 'rows'),
        x: shared('weightGradient.x', weightGradient.x),
        dw: output('weightGradient.dw', weightGradient.dw),
        accumulate: weightGradient.accumulate ?? null,
      },
    };
  }

  /** What quantisers remember, by slot and quantiser. */
  get memories(): ReadonlyMap<string, SlotMemory> {
    const memories = new Map(this.#remembered);
    for (const slot of this) {
      if (!slot.hasMemory) continue;
      const { earlier, ...memory } = slot.memory;
      const isOver = earlier === undefined || earlier.step !== this.#clockOf(slot.layer);
      memories.set(slot.key, isOver ? memory : { ...memory, earlier });
    }
    return memories;
  }

  /**
   * Draws of slots in steps that are not over, by slot and quantiser: of a model, say, that a gradient has gone through which another
   * one's optimiser applied.
   */
  get draws(): Readonly<Record<string, Drawn>> {
    const drawn = [...this].flatMap(({ key, layer, draws }) => {
      const isOver = draws[0] !== this.#clockOf(layer);
      return isOver || draws[1] === 0 ? [] : [[key, draws] as const];
    });
    return Object.fromEntries([...this.#drawn, ...drawn]);
  }

  /** Gives quantisers what they are to remember and have drawn; those that have not been read yet take it up when they are. */
  restore(memories: ReadonlyMap<string, SlotMemory>, draws: Readonly<Record<string, Drawn>> = {}): void {
    this.#slots.clear();
    this.#remembered.clear();
    this.#drawn.clear();
    for (const [key, state] of memories) this.#remembered.set(key, state);
    for (const [key, drawn] of Object.entries(draws)) this.#drawn.set(key, drawn);
  }
}
