/**
 * The state tensors of an optimiser by variable: made at a variable's first update, held as their codecs say, drawn for by
 * name and step, saved and taken up again. Which update they serve is in the other files.
 */
import type { Tensor } from '@tensorflow/tfjs';
import { DivergenceError, firstNotFinite } from '../divergence.ts';
import { canonicalJson } from '../hash.ts';
import { fnv1a32 } from '../random.ts';
import { checkArrays, type Draw, type SavedArray } from '../stores/index.ts';
import type { HeldState, StateCodecSpec } from './state-codec.ts';

/** What the random integers of stochastically rounded states depend on beside the step. */
export interface OptimizerDraws {
  /** Default 0. */
  readonly seed?: number;
  /** What the names of variables begin with that is no part of a parameter's name. Default ''. */
  readonly prefix?: string;
  /** What a variable is called in place of its name without the prefix. */
  readonly nameOf?: ((variable: string) => string) | undefined;
}

/** The state tensors of one variable, by name. */
export type StateOf = Readonly<Record<string, HeldState>>;

/** How the moments of one variable are held. */
export interface MomentCodecs {
  readonly first?: StateCodecSpec | undefined;
  readonly second?: StateCodecSpec | undefined;
}

type MakeStates = (shape: readonly number[], codecs: MomentCodecs, name: string) => StateOf;

/** What an update makes of one variable: its new value and its new states, by name. */
interface Update {
  readonly value: Tensor;
  readonly states: Readonly<Record<string, Tensor>>;
}

/** Throws DivergenceError naming the step and what is not finite. */
function checkFinite(of: 'update' | 'state', tensor: string, given: Tensor, step: number): void {
  const values = given.dataSync();
  const index = firstNotFinite(values);
  if (index >= 0) throw new DivergenceError(of, tensor, step + 1, index, values[index]!);
}

interface Held {
  readonly codecs: string;
  readonly states: StateOf;
}

export class States {
  readonly #held = new Map<string, Held>();
  readonly #make: MakeStates;
  readonly #seed: number;
  readonly #own: (variable: string) => string;

  constructor(make: MakeStates, { seed = 0, prefix = '', nameOf }: OptimizerDraws) {
    this.#make = make;
    this.#seed = seed;
    this.#own = nameOf ?? ((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name));
  }

  /** The states of a variable. Where its codecs are others than before, what was held is put through them. */
  of(name: string, shape: readonly number[], codecs: MomentCodecs, step: number): StateOf {
    const text = canonicalJson(codecs);
    const known = this.#held.get(name);
    if (known?.codecs === text) return known.states;
    const states = this.#make(shape, codecs, name);
    for (const [state, old] of Object.entries(known?.states ?? {})) {
      states[state]!.write(old.read(), this.drawOf(name, `${state}/again`, step));
      old.dispose();
    }
    this.#held.set(name, { codecs: text, states });
    return states;
  }

  /** Throws DivergenceError if the value of a variable or one of its states would not be finite. */
  check(name: string, { value, states }: Update, step: number): void {
    const own = this.#own(name);
    checkFinite('update', own, value, step);
    for (const [state, tensor] of Object.entries(states))
      checkFinite('state', `${own}/${state}`, tensor, step);
  }

  /** Gives a variable's states their new values. */
  write(name: string, states: Update['states'], step: number): void {
    const held = this.#held.get(name)!.states;
    for (const [state, tensor] of Object.entries(states))
      held[state]!.write(tensor, this.drawOf(name, state, step));
  }

  /** The draws of a state: (seed, stream low = step, stream high = FNV-1a-32 of `parameter/state`). */
  drawOf(variable: string, state: string, step: number): Draw {
    const stream = (BigInt(fnv1a32(`${this.#own(variable)}/${state}`)) << 32n) | BigInt(step);
    return { seed: this.#seed, stream };
  }

  get bytes(): number {
    let sum = 0;
    for (const { states } of this.#held.values())
      for (const state of Object.values(states)) sum += state.bytes;
    return sum;
  }

  save(): Map<string, SavedArray> {
    const arrays = new Map<string, SavedArray>();
    for (const [variable, { states }] of this.#held)
      for (const [name, state] of Object.entries(states))
        for (const [array, saved] of Object.entries(state.save()))
          arrays.set(`${variable}/${name}/${array}`, saved);
    return arrays;
  }

  /** Takes up arrays; `made` has every variable's states, as fresh ones. */
  restore(
    arrays: ReadonlyMap<string, SavedArray>,
    variables: Iterable<string>,
    made: (name: string) => StateOf,
  ): void {
    this.clear();
    const all = [...variables].map((name) => [name, made(name)] as const);
    checkArrays('optimizer', this.#ownNames(arrays), this.#ownNames(this.save()));
    for (const [variable, states] of all) {
      const prefix = `${variable}/`;
      const own = [...arrays].filter(([key]) => key.startsWith(prefix));
      for (const [name, state] of Object.entries(states)) {
        const inner = `${prefix}${name}/`;
        state.restore(
          Object.fromEntries(
            own.flatMap(([key, saved]) => (key.startsWith(inner) ? [[key.slice(inner.length), saved]] : [])),
          ),
        );
      }
    }
  }

  /** A key whose variable has the name that messages are to have. */
  #short(key: string): string {
    const variable = key.split('/').slice(0, -2).join('/');
    return this.#own(variable) + key.slice(variable.length);
  }

  #ownNames(arrays: ReadonlyMap<string, SavedArray>): Map<string, SavedArray> {
    return new Map([...arrays].map(([name, saved]) => [this.#short(name), saved]));
  }

  clear(): void {
    for (const { states } of this.#held.values()) for (const state of Object.values(states)) state.dispose();
    this.#held.clear();
  }
}
