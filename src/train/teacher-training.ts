/** The teacher of a run: one that is given, that of a checkpoint, or one that is trained first. */
import { within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { arraysUnder, type Checkpoint, checkCheckpoint, checkIdentity } from './checkpoint.ts';
import { hashData } from './hash.ts';
import { float32 } from './recipes/baselines.ts';
import type { TrainOptions, TrainResult } from './records.ts';
import { identityOf, type Settings, settingsOf } from './run-settings.ts';
import { normOfTeacher, type TeacherWeights, teacherWeights, weightsOfCheckpoint } from './teacher.ts';

type Train = (options: TrainOptions) => Promise<TrainResult>;

/** What trains the teacher as `recipes.float32` does: the same model, data, seed, steps and rate. */
function trainingOfTeacher(options: TrainOptions, { recipe }: Settings): TrainOptions {
  const { tf, model, data, steps, seed, batch, learningRate, kernels, signal, teachers } = options;
  const given = {
    batch,
    learningRate,
    kernels,
    signal,
    checkpointEvery: teachers && options.checkpointEvery,
  };
  const defined = Object.fromEntries(Object.entries(given).filter(([, one]) => one !== undefined));
  return {
    ...{ tf, model, data, steps, seed, ...defined },
    recipe: float32({ extraNorm: normOfTeacher(recipe) }),
    ...{ evaluateEvery: 0, evaluationWindows: 1 },
  };
}

/** Trains a teacher, or the rest of what is left of one that trained before. */
async function trained(train: Train, options: TrainOptions, settings: Settings): Promise<Checkpoint> {
  const { steps, signal, teachers, onTeacher } = options;
  const asked = trainingOfTeacher(options, settings);
  const identity = identityOf(asked, settingsOf(asked));
  const name = hashData(identity);
  let last = teachers?.read(name) ?? undefined;
  if (last !== undefined) {
    checkCheckpoint(last);
    checkIdentity(last.state.identity, identity);
    if (last.state.step === steps) return last;
  }
  onTeacher?.({ recipe: 'float32', steps, from: last?.state.step ?? 0 });
  const { divergence } = await train({
    ...asked,
    ...(last && { resume: last }),
    async onCheckpoint(checkpoint) {
      last = checkpoint;
      await teachers?.write(name, checkpoint);
    },
  });
  if (divergence !== null || last === undefined)
    throw new ArgumentError('teacher', 'a training that diverged', 'a teacher: its checkpoint');
  // A student of half a teacher would be another run.
  if (signal?.aborted && last.state.step < steps)
    throw new DOMException(`stopped at step ${last.state.step} of the teacher's ${steps}`, 'AbortError');
  return last;
}

/**
 * The weights of a run's teacher; undefined where its recipe has none.
 * @throws DOMException named AbortError where the signal ends the teacher's training
 */
export async function teacherOf(
  train: Train,
  options: TrainOptions,
  settings: Settings,
): Promise<TeacherWeights | undefined> {
  const { recipe, task, teacher } = settings;
  if (recipe.teacher === undefined || teacher !== undefined) return teacher;
  const saved = options.resume && arraysUnder('teacher', options.resume.arrays);
  if (saved !== undefined) return within('resume', () => teacherWeights('teacher', saved, task));
  return weightsOfCheckpoint('teacher', await trained(train, options, settings), task);
}
