/** What of a run of training is saved, and how it goes on from that. */
import { integerInRange, within } from '../check.ts';
import { arraysUnder, type Checkpoint, checkCounters, lossesOf, savedLosses } from './checkpoint.ts';
import { memoriesOf, savedMemories } from './engine/quantizer-memory.ts';
import type { Model } from './model.ts';
import { checkArrays, float32Of, savedFloat32 } from './stores/index.ts';
import type { TrainingRun } from './training-run.ts';

/** All that the steps to come depend on. */
export function checkpointOf(run: TrainingRun, identity: Checkpoint['state']['identity']): Checkpoint {
  const { model, engine, weights, steered, optimizer, learned, losses, seconds, phase } = run;
  const { counters, arrays: moments } = optimizer.save();
  const { parameters, variablePrefix } = model;
  const arrays = new Map([['losses', savedLosses(losses)]]);
  for (const [name, saved] of steered.save()) arrays.set(`update/${name}`, saved);
  for (const [name, saved] of weights.save()) arrays.set(`weights/${name}`, saved);
  for (const [name, saved] of moments)
    for (const { name: parameter } of parameters)
      if (name.startsWith(`${variablePrefix}${parameter}/`))
        arrays.set(`optimizer/${name.slice(variablePrefix.length)}`, saved);
  for (const [key, saved] of [...savedMemories(engine.memories), ...learned.save()])
    arrays.set(`quantizers/${key}`, saved);
  for (const [name, values] of model.averages ?? [])
    arrays.set(`model/${name}/values`, savedFloat32(values, [values.length]));
  for (const [name, saved] of run.teacher?.save() ?? []) arrays.set(`teacher/${name}`, saved);
  const state = { version: 1, identity, step: losses.length, phase, optimizer: counters, seconds } as const;
  return { state, arrays };
}

/** Gives a model the averages of a checkpoint. Throws ArgumentError naming one that does not fit. */
export function restoreAverages(
  { averages = new Map() }: Pick<Model, 'averages'>,
  arrays: Checkpoint['arrays'],
): void {
  const held = arraysUnder('model', arrays);
  checkArrays(
    'model',
    held,
    new Map([...averages].map(([name, values]) => [`${name}/values`, savedFloat32(values, [values.length])])),
  );
  for (const [name, values] of averages)
    values.set(float32Of(`model.${name}`, held.get(`${name}/values`)!, values.length));
}

/** Takes up a checkpoint whose identity is the run's. Throws ArgumentError naming what of it does not fit, below `resume`. */
export function resumeRun(run: TrainingRun, { state, arrays }: Checkpoint): void {
  const { model, engine, weights, steered, optimizer, learned } = run;
  const { step, phase } = state;
  integerInRange('resume.step', step, 1, run.settings.steps);
  const inForce = engine.phaseAt(step - 1);
  integerInRange('resume.phase', phase, inForce, inForce);
  checkCounters('resume.optimizer', state.optimizer, optimizer.save().counters, step);
  for (const loss of lossesOf(arrays, step)) run.losses.push(loss);
  const held = arraysUnder('weights', arrays);
  const update = arraysUnder('update', arrays);
  within('resume', () => {
    checkArrays('weights', held, weights.save());
    weights.restore(held);
    checkArrays('update', update, steered.save());
    steered.restore(update);
  });
  within('resume', () => restoreAverages(model, arrays));
  const { variablePrefix, parameters } = model;
  const own = [...arraysUnder('optimizer', arrays)];
  const moments = new Map(own.map(([name, saved]) => [variablePrefix + name, saved]));
  const moved = engine.parameters.filter((one) => !engine.schedule.wasFrozen(one, step));
  const shapes = new Map(moved.map(({ name, shape }) => [variablePrefix + name, shape]));
  // How moments are held goes by the phase.
  engine.setClocks(Object.fromEntries(parameters.map(({ name }) => [name, step])));
  within('resume', () => {
    optimizer.restore({ counters: state.optimizer, arrays: moments }, shapes);
    const { memories, trained } = memoriesOf(arraysUnder('quantizers', arrays));
    engine.restore(memories);
    learned.restore(trained);
  });
  run.seconds = state.seconds;
  run.phase = phase;
  steered.resume([[optimizer, step - 1]]);
}
