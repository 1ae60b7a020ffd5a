/** What the models of a sweep are trained on, and what its runs rest on. Brings TensorFlow.js. */
import { refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import type { Checkpoint } from '../../train/checkpoint.ts';
import { readCheckpoint } from '../../train/files.ts';
import { canonicalJson } from '../../train/hash.ts';
import { modelConfig } from '../../train/model-config.ts';
import type { Task } from '../../train/task.ts';
import { type TrainingData, taskOf } from '../../train/tasks.ts';
import { hashOfTeacher, teacherOnly, weightsOfCheckpoint } from '../../train/teacher.ts';
import { checkpointPath } from '../run-checkpoint.ts';
import { loadData } from '../training-data.ts';
import { basisOf } from './basis.ts';
import type { Sweep } from './definition.ts';
import type { RunBasis, SweepArm } from './sweep-run.ts';

/** The data of a sweep, and of arms with data of their own. */
interface SweepData {
  readonly dataOf: (arm: SweepArm) => TrainingData;
  /** The weights of the teacher that an arm is given. */
  readonly teacherOf: (arm: SweepArm) => Checkpoint | undefined;
  readonly taskOf: (arm: SweepArm) => Task;
  readonly basis: RunBasis;
  /** By the names of arms with data of their own, or a teacher. */
  readonly own: ReadonlyMap<string, RunBasis>;
}

/** Throws what refused the data of an arm; an option that is wrong is a field of the file. */
const refuse =
  ({ name }: SweepArm) =>
  (error: unknown): never => {
    if (!(error instanceof ArgumentError)) throw error;
    const { argument, given, accepted } = error;
    const field = argument.startsWith('--') ? `data.${argument.slice(2)}` : argument;
    throw new ArgumentError(`sweep.arms (${name}).${field}`, given, accepted);
  };

interface GivenTeacher {
  readonly checkpoint: Checkpoint;
  /** Of its weights. */
  readonly hash: string;
}

/** A teacher that is given, for the task of an arm. Throws ArgumentError naming its field. */
function openTeacher(path: string, arm: SweepArm, task: Task): GivenTeacher {
  const accepted = 'the folder of a run with a checkpoint, or a checkpoint file';
  return refusedAs(
    () => {
      const checkpoint = teacherOnly(readCheckpoint(checkpointPath('teacher', path, accepted)));
      return { checkpoint, hash: hashOfTeacher(weightsOfCheckpoint('teacher', checkpoint, task)) };
    },
    ({ argument, given }) =>
      argument.startsWith('teacher')
        ? `sweep.arms (${arm.name}).${argument}`
        : new ArgumentError(`sweep.arms (${arm.name}).teacher`, given, accepted),
  );
}

/** Reads the data: what several arms name, once. */
export async function openData({ model, data: options, arms }: Sweep): Promise<SweepData> {
  const opened = new Map<string, { readonly data: TrainingData; readonly basis: RunBasis }>();
  const open = async (arm: Pick<SweepArm, 'model' | 'data'>) => {
    const key = canonicalJson(arm.data ?? options);
    const known = opened.get(key);
    if (known !== undefined) return known;
    const data = await loadData(arm.model ?? model, arm.data ?? options);
    const made = { data, basis: basisOf(taskOf(modelConfig(arm.model ?? model), data)) };
    opened.set(key, made);
    return made;
  };
  const shared = await open({});
  const own = new Map<string, typeof shared>();
  for (const arm of arms) if (arm.data !== undefined) own.set(arm.name, await open(arm).catch(refuse(arm)));
  const dataOf = ({ name }: SweepArm): TrainingData => (own.get(name) ?? shared).data;
  const taskOfArm = (arm: SweepArm): Task => taskOf(modelConfig(arm.model ?? model), dataOf(arm));
  const teachers = new Map<string, GivenTeacher>();
  const bases = new Map([...own].map(([name, { basis }]): [string, RunBasis] => [name, basis]));
  for (const arm of arms)
    if (arm.teacher !== undefined) {
      const basis = bases.get(arm.name) ?? shared.basis;
      const teacher = openTeacher(arm.teacher, arm, taskOfArm(arm));
      const known = [...teachers.values()].find(({ hash }) => hash === teacher.hash);
      teachers.set(arm.name, known ?? teacher);
      bases.set(arm.name, { ...basis, teacher: teacher.hash });
    }
  const teacherOf = ({ name }: SweepArm): Checkpoint | undefined => teachers.get(name)?.checkpoint;
  return { dataOf, teacherOf, taskOf: taskOfArm, basis: shared.basis, own: bases };
}
