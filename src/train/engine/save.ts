/**
 * Fills the state of a recipe in force, and takes one up: a run that goes on from it does so bit for bit. Everything is checked before
 * anything is changed, as a state may come from a file that anybody wrote.
 */
import type { Variable } from '@tensorflow/tfjs';
import { checkJson, checkLength, integerInRange, pathOf, within } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { checkSchema, isMap } from '../../schema.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { arraysUnder } from '../checkpoint.ts';
import { hashData } from '../hash.ts';
import { checkArrays, type SavedArray, savedFloat32 } from '../stores/index.ts';
import type { RecipeEngine } from './engine.ts';
import type { LearnedParameters } from './learned-parameters.ts';
import type { OptimizerSteps } from './optimizer-steps.ts';
import type { UntrainedWeight } from './parameters.ts';
import { memoriesOf, savedMemories } from './quantizer-memory.ts';
import { restoreOptimizer, savedOptimizer } from './saved-optimizers.ts';
import { isSavedKey } from './saved-slots.ts';
import { type RecipeState, type SavedOptimizer, stateSchema } from './state.ts';
import type { StoredWeights } from './stored-weights.ts';

/** What of a run has a state. */
export interface SavedParts {
  readonly engine: RecipeEngine;
  readonly weights: StoredWeights;
  readonly optimizers: OptimizerSteps;
  readonly learned: LearnedParameters;
  /** Weights of the model that are not trained, such as moving means. */
  readonly untrained: readonly UntrainedWeight[];
}

function valuesOf(variable: Variable): SavedArray {
  const { shape, dtype } = variable;
  const values = variable.dataSync();
  if (dtype !== 'int32') return savedFloat32(Float32Array.from(values), shape);
  return { dtype: 'I32', shape, data: new Uint8Array(Int32Array.from(values).buffer) };
}

/** The arrays of weights as they are held, and of what gradients go through. */
function weightArrays({ engine, weights, optimizers, untrained }: SavedParts): Map<string, SavedArray> {
  const arrays = new Map<string, SavedArray>();
  engine.checkAlive();
  for (const [name, saved] of weights.save()) arrays.set(`weights/${name}`, saved);
  for (const [name, saved] of optimizers.save()) arrays.set(`update/${name}`, saved);
  for (const { name, variable } of untrained) {
    if (variable.isDisposed) throw new ArgumentError(name, 'a disposed variable', 'the weights of the model');
    arrays.set(`untrained/${name}`, valuesOf(variable));
  }
  return arrays;
}

/** @param program plain data of the program's own */
export function saveState(tf: TensorFlow, parts: SavedParts, program?: unknown): RecipeState {
  const { engine, optimizers } = parts;
  const { recipe, seed, steps, clocks } = engine;
  if (program !== undefined) checkJson('program', program);
  const arrays = weightArrays(parts);
  const described = optimizers.seen.map((optimizer, i) => {
    const { saved, arrays: own } = savedOptimizer(tf, engine, optimizers, optimizer);
    for (const [name, array] of own) arrays.set(`optimizers/${i}/${name}`, array);
    return saved;
  });
  for (const [key, array] of [...savedMemories(engine.memories), ...parts.learned.save()])
    arrays.set(`quantizers/${key}`, array);
  return {
    state: {
      version: 1,
      recipe: hashData(recipe),
      ...{ seed, steps, clocks, optimizers: described, draws: engine.slots.draws },
      phase: engine.phase,
      emulation: engine.emulation?.state ?? { cursor: 0 },
      ...(program === undefined ? {} : { program: JSON.parse(JSON.stringify(program)) as unknown }),
    },
    arrays,
  };
}

/** Throws ArgumentError naming what a state and this run do not have in common. */
function checkIdentity(
  engine: RecipeEngine,
  { recipe, seed, steps, ...given }: RecipeState['state'],
  keys: Iterable<string>,
): void {
  const own = { recipe: hashData(engine.recipe), seed: engine.seed, steps: engine.steps };
  for (const [field, value] of Object.entries({ recipe, seed, steps })) {
    const expected = own[field as keyof typeof own];
    if (value !== expected) throw new ArgumentError(`state.${field}`, value, `${expected}, as this run's`);
  }
  integerInRange('state.phase', given.phase, 0, engine.recipe.phases.length - 1);
  const names = engine.parameters.map(({ name }) => name);
  const known = new Set(names);
  for (const name of Object.keys(given.clocks))
    if (!known.delete(name)) throw new ArgumentError(pathOf('state.clocks', name), name, names.join(', '));
  for (const name of known) throw new ArgumentError(pathOf('state.clocks', name), undefined, 'its clock');
  const isLayer = (name: string): boolean => names.includes(name) || name.endsWith('/product');
  const checkSlot = (path: string, key: string): void => {
    if (isSavedKey(key)) return;
    if (!isLayer(key.split('/').slice(0, -2).join('/')))
      throw new ArgumentError(path, key, `a slot of ${names.join(', ')}`);
  };
  for (const key of Object.keys(given.draws)) checkSlot(pathOf('state.draws', key), key);
  for (const key of keys) checkSlot(`state.arrays/quantizers/${key}`, key);
}

/** The optimisers of the program, one for each of the state. One that had taken no step yet has none there. */
function matched(given: readonly object[], saved: readonly SavedOptimizer[]): readonly object[] {
  if (saved.length === 0) return [];
  checkLength(
    'optimizers',
    given,
    saved.length,
    `${saved.length} in the order of their first steps: ${saved.map(({ kind }) => kind).join(', ')}`,
  );
  return given;
}

/** What is neither of optimisers nor of quantisers. */
function weightsAmong(arrays: RecipeState['arrays']): Map<string, SavedArray> {
  return new Map([...arrays].filter(([name]) => !/^(optimizers|quantizers)\//.test(name)));
}

/**
 * Takes a state up.
 * @throws ArgumentError naming what does not fit; then everything is as it was
 */
export function restoreState(
  tf: TensorFlow,
  parts: SavedParts,
  given: RecipeState,
  optimizers: readonly object[],
): void {
  const { engine } = parts;
  engine.checkAlive();
  const saved = checkSaved(given);
  const { memories, trained } = within('state', () => memoriesOf(arraysUnder('quantizers', saved.arrays)));
  checkIdentity(engine, saved.state, memories.keys());
  const own = matched(optimizers, saved.state.optimizers);
  within('state', () => checkArrays('arrays', weightsAmong(saved.arrays), weightArrays(parts)));
  for (const name of saved.arrays.keys())
    if (name.startsWith('optimizers/') && !own.some((_, i) => name.startsWith(`optimizers/${i}/`)))
      throw new ArgumentError(`state.arrays/${name}`, name, 'arrays of the optimisers that the state has');
  const before = saveState(tf, parts);
  const optimizersBefore = own.map((one) => savedOptimizer(tf, engine, parts.optimizers, one));
  try {
    engine.emulation?.reset(saved.state.emulation);
    // How moments are held goes by the phase.
    engine.setClocks(saved.state.clocks);
    own.forEach((one, i) => {
      const arrays = arraysUnder(`optimizers/${i}`, saved.arrays);
      within(`state.optimizers[${i}]`, () =>
        restoreOptimizer(tf, engine, one, { saved: saved.state.optimizers[i]!, arrays }),
      );
    });
    within('state.arrays', () => {
      parts.learned.restore(trained);
      loadWeights(tf, parts, saved.arrays);
    });
  } catch (error) {
    engine.emulation?.reset(before.state.emulation);
    engine.setClocks(before.state.clocks);
    own.forEach((one, i) => {
      restoreOptimizer(tf, engine, one, optimizersBefore[i]!);
    });
    parts.learned.restore(memoriesOf(arraysUnder('quantizers', before.arrays)).trained);
    loadWeights(tf, parts, before.arrays);
    throw error;
  }
  parts.optimizers.resume(own.map((one, i) => [one, saved.state.optimizers[i]!.clock]));
  engine.restore(memories, saved.state.draws);
  engine.enter(saved.state.phase, 0);
  engine.emulation?.reset(saved.state.emulation);
}

function loadWeights(
  tf: TensorFlow,
  { weights, optimizers, untrained }: SavedParts,
  arrays: RecipeState['arrays'],
): void {
  weights.restore(arraysUnder('weights', arrays));
  optimizers.restore(arraysUnder('update', arrays));
  for (const { name, variable } of untrained) assign(tf, variable, arrays.get(`untrained/${name}`)!);
}

function assign(tf: TensorFlow, variable: Variable, { dtype, data }: SavedArray): void {
  const { buffer } = data.slice();
  const values = dtype === 'I32' ? new Int32Array(buffer) : new Float32Array(buffer);
  tf.tidy(() => variable.assign(tf.tensor(values, variable.shape, variable.dtype)));
}

/** Throws ArgumentError unless it is a state, of whatever run. */
function checkSaved(saved: RecipeState): RecipeState {
  const { state, arrays } = (saved ?? {}) as Partial<RecipeState>;
  if (!isMap(arrays))
    throw new ArgumentError('state', saved, 'what `save` of a run gives, or what was read of its file');
  return { state: checkSchema('state', state, stateSchema), arrays };
}
