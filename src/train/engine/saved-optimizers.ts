/**
 * Optimisers in the state of a recipe: ours and those of TensorFlow.js, their arrays by the names that the recipe has for parameters. A
 * program that is run anew may give its variables other names.
 */
import { ArgumentError } from '../../errors.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import { checkCounters } from '../checkpoint.ts';
import type { SavedArray } from '../stores/index.ts';
import type { RecipeEngine } from './engine.ts';
import { isForeign, kindOf, restoreForeign, saveForeign } from './foreign-optimizer.ts';
import { isOurs, type OptimizerSteps } from './optimizer-steps.ts';
import type { SavedOptimizer } from './state.ts';

/** An optimiser between two steps. */
interface OptimizerContents {
  readonly saved: SavedOptimizer;
  /** By `parameter/...` of ours, `field/parameter` of others. */
  readonly arrays: ReadonlyMap<string, SavedArray>;
}

const knownOptimizers = "TensorFlow.js' own optimisers, or ours";

/** The names of variables in the recipe and in TensorFlow.js. Variables beside the recipe's have one name. */
function namesOf(tf: TensorFlow, { parameters }: RecipeEngine) {
  const byVariable = new Map(parameters.map(({ name, variable }) => [variable.name, name]));
  const byName = new Map(parameters.map(({ name, variable }) => [name, variable]));
  return {
    parameter: (variable: string): string => byVariable.get(variable) ?? variable,
    variable(name: string) {
      const variable = byName.get(name) ?? tf.engine().registeredVariables[name];
      if (variable === undefined || variable.isDisposed)
        throw new ArgumentError('parameters', name, 'trained variables of this program');
      return variable;
    },
  };
}

/** The variable that an array of ours is of: names may have any number of slashes. */
const ownerOf = (key: string): string => key.split('/').slice(0, -2).join('/');

export function savedOptimizer(
  tf: TensorFlow,
  engine: RecipeEngine,
  optimizers: OptimizerSteps,
  optimizer: object,
): OptimizerContents {
  const kind = kindOf(optimizer);
  const clock = optimizers.clockOf(optimizer);
  const names = namesOf(tf, engine);
  if (!isOurs(optimizer)) {
    if (!isForeign(optimizer)) throw new ArgumentError('optimizer', kind, knownOptimizers);
    const { counters, variables, arrays } = saveForeign(optimizer, names.parameter);
    const parameters = variables.map(({ name }) => names.parameter(name));
    return { saved: { kind, counters, parameters, clock }, arrays };
  }
  const { counters, arrays: own } = optimizer.save();
  const arrays = new Map<string, SavedArray>();
  const parameters = new Set<string>();
  for (const [key, saved] of own) {
    const variable = ownerOf(key);
    const name = names.parameter(variable);
    parameters.add(name);
    arrays.set(name + key.slice(variable.length), saved);
  }
  return { saved: { kind, counters, parameters: [...parameters], clock }, arrays };
}

/**
 * Takes up what an optimiser held.
 * @throws ArgumentError naming what does not fit
 */
export function restoreOptimizer(
  tf: TensorFlow,
  engine: RecipeEngine,
  optimizer: object,
  { saved, arrays }: OptimizerContents,
): void {
  const kind = kindOf(optimizer);
  if (saved.kind !== kind) throw new ArgumentError('kind', saved.kind, `${kind}, as the program's`);
  const names = namesOf(tf, engine);
  const variables = saved.parameters.map((name) => names.variable(name));
  if (!isOurs(optimizer)) {
    if (!isForeign(optimizer)) throw new ArgumentError('kind', kind, knownOptimizers);
    restoreForeign(tf, optimizer, { counters: saved.counters, variables, arrays }, names.parameter);
    return;
  }
  const shapes = new Map(variables.map(({ name, shape }) => [name, shape]));
  const own = new Map<string, SavedArray>();
  for (const [key, array] of arrays) {
    const name = ownerOf(key);
    own.set(names.variable(name).name + key.slice(name.length), array);
  }
  checkCounters('counters', saved.counters, optimizer.save().counters);
  optimizer.restore({ counters: saved.counters, arrays: own }, shapes);
}
