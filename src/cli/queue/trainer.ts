/**
 * The process that trains for a worker, one run after the other: what a run needs comes as messages, what it gives goes
 * as messages, so that it knows neither queue nor store and the worker is free to answer Redis. It ends with the worker.
 */
import { ArgumentError } from '../../errors.ts';
import { jsonText } from '../../json.ts';
import { decodeData } from '../../train/data-file.ts';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type TeacherStore,
  type TrainingData,
  train,
} from '../../train/index.ts';
import { taskOf } from '../../train/tasks.ts';
import { hashOfTeacher, weightsOfCheckpoint } from '../../train/teacher.ts';
import { openBackend } from '../backend.ts';
import { isAbort } from '../interrupt.ts';
import { basisOf } from '../sweep/basis.ts';
import { configOf, type RunOptions, trainingOf } from '../train/settings.ts';
import { decodeState, encodeFiles, encodeState } from './bundles.ts';
import type { RunJob } from './job.ts';

/** What the worker says. */
export type ToTrainer =
  | {
      readonly kind: 'run';
      readonly job: RunJob;
      /** Absent where they are those of the run before. */
      readonly data?: Uint8Array;
      /** The checkpoint of the teacher that the run is given. */
      readonly teacher?: Uint8Array;
      readonly state: Uint8Array | null;
      /** The last checkpoint of the teacher that the run trains first, or is trained by now. */
      readonly teacherState?: Uint8Array | null;
    }
  /** The checkpoint has been stored: the run goes on. */
  | { readonly kind: 'stored' }
  /** Leave a checkpoint after this step. */
  | { readonly kind: 'stop' };

/** What the trainer says. */
export type FromTrainer =
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'step'; readonly step: number; readonly loss: number; readonly seconds: number }
  | {
      readonly kind: 'checkpoint';
      readonly step: number;
      readonly bytes: Uint8Array;
      /** It is that of the teacher that the run trains first. */
      readonly ofTeacher?: true;
    }
  /** It was asked to, and what its last checkpoint has not is to be done again. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'done'; readonly files: Uint8Array; readonly outcome: Outcome }
  /** `isFinal`: it would fail on any machine. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isFinal: boolean };

/** What came of a run, for the queue's list. */
export interface Outcome {
  readonly steps: number;
  /** In words where it is no number. */
  readonly validationLoss: string;
  /** Step at which it diverged, or null. */
  readonly diverged: number | null;
}

/** Milliseconds between two notes of where a run is. */
const noteEvery = 1000;

const say = (message: FromTrainer): void => void process.send!(message);

let held: { readonly hash: string; readonly data: TrainingData } | null = null;
let stored: () => void = () => {};
let stopping = new AbortController();

/** The data of a job: those that came with it, or those of the run before. */
function dataOf(
  { data: hash, basis, run }: RunJob,
  options: RunOptions,
  bytes: Uint8Array | undefined,
): TrainingData {
  if (bytes !== undefined) held = { hash, data: decodeData(bytes, `data ${hash}`) };
  if (held?.hash !== hash) throw new Error('the data have not come');
  const own = basisOf(taskOf(trainingOf(options).model, held.data));
  if (own.data !== basis.data)
    throw new ArgumentError(
      'job.basis.data',
      basis.data,
      `the hash of the data, ${own.data}, for ${run.model}`,
    );
  return held.data;
}

/** The teacher that a run is given. */
function teacherOf(
  { teacher: hash, basis, run }: RunJob,
  options: RunOptions,
  data: TrainingData,
  bytes: Uint8Array | undefined,
): { readonly teacher?: Checkpoint } {
  if (bytes === undefined) return {};
  const teacher = decodeCheckpoint(bytes, `teacher ${hash}`);
  const task = taskOf(trainingOf(options).model, data);
  const own = hashOfTeacher(weightsOfCheckpoint('teacher', teacher, task));
  if (own !== basis.teacher)
    throw new ArgumentError(
      'job.basis.teacher',
      basis.teacher,
      `the hash of the teacher, ${own}, for ${run.model}`,
    );
  return { teacher };
}

/** Where a run goes on; from the beginning where its state is damaged. */
function stateOf(id: string, bytes: Uint8Array | null): { records: string; checkpoint: Checkpoint | null } {
  if (bytes === null) return { records: '', checkpoint: null };
  try {
    return decodeState(bytes, `checkpoint ${id}`);
  } catch (error) {
    say({ kind: 'note', text: `${(error as Error).message}: from the beginning` });
    return { records: '', checkpoint: null };
  }
}

/** Leaves a checkpoint with the worker; resolves when it is stored. */
const leave = (step: number, bytes: Uint8Array, more: { readonly ofTeacher?: true } = {}): Promise<void> =>
  new Promise((resolve) => {
    stored = resolve;
    say({ kind: 'checkpoint', step, bytes, ...more });
  });

/** Where the teacher that a run trains first goes on, and leaves its checkpoints; from the beginning where its own is damaged. */
function teachersOf(id: string, bytes: Uint8Array | null): TeacherStore {
  return {
    read() {
      try {
        return bytes && decodeCheckpoint(bytes, `teacher of ${id}`);
      } catch (error) {
        say({ kind: 'note', text: `${(error as Error).message}: from the beginning` });
        return null;
      }
    },
    write: (_, made) => leave(made.state.step, encodeCheckpoint(made), { ofTeacher: true }),
  };
}

async function trainJob({
  job,
  data: bytes,
  teacher: ofTeacher,
  state,
  teacherState,
}: ToTrainer & { kind: 'run' }): Promise<void> {
  const { id, run, checkpointEvery } = job;
  const options: RunOptions = {
    ...{ ...run, batch: undefined, gradientDraws: run.gradientDraws ?? 0, checkpointEvery },
    ...({ backend: 'wasm', kernels: 'own' } as const),
  };
  const data = dataOf(job, options, bytes);
  const given = teacherOf(job, options, data, ofTeacher);
  const { records, checkpoint } = stateOf(id, state);
  const lines = [records];
  let noted = 0;
  const append = (record: object): void => void lines.push(`${jsonText(record)}\n`);
  const result = await train({
    ...trainingOf(options),
    ...{ tf: await openBackend('wasm'), data, signal: stopping.signal },
    ...(checkpoint === null ? {} : { resume: checkpoint }),
    ...given,
    ...(teacherState !== undefined && { teachers: teachersOf(id, teacherState) }),
    onStep(record) {
      append({ type: 'step', ...record });
      const { step, loss, seconds } = record;
      if (performance.now() - noted < noteEvery && step < run.steps) return;
      noted = performance.now();
      say({ kind: 'step', step, loss, seconds });
    },
    onEvaluation: (record) => append({ type: 'evaluation', ...record }),
    onPhase: (record) => append({ type: 'phase', ...record }),
    onTeacher: ({ recipe, steps }) =>
      say({
        kind: 'note',
        text: `${run.recipe.name} seed ${run.seed}: training a teacher first, ${recipe}, ${steps} steps`,
      }),
    onCheckpoint: (made) =>
      leave(made.state.step, encodeState({ records: lines.join(''), checkpoint: encodeCheckpoint(made) })),
  });
  if (result.interrupted) return say({ kind: 'stopped' });
  const { recipe: _recipe, ...numbers } = result;
  append({ type: 'result', ...numbers });
  const files = {
    config: `${JSON.stringify({ ...configOf(options, data), ...(given.teacher && { teacher: 'given' }) }, null, 2)}\n`,
    metrics: lines.join(''),
    result: `${jsonText(numbers, 2)}\n`,
  };
  const { steps, validationLoss, divergence } = result;
  const outcome = { steps, validationLoss: validationLoss.toFixed(4), diverged: divergence?.step ?? null };
  say({ kind: 'done', files: encodeFiles(files), outcome });
}

function hear(message: ToTrainer): void {
  if (message.kind === 'stored') stored();
  if (message.kind === 'stop') stopping.abort();
  if (message.kind !== 'run') return;
  stopping = new AbortController();
  trainJob(message).catch((error: unknown) =>
    say(
      isAbort(error, stopping.signal)
        ? { kind: 'stopped' }
        : {
            kind: 'failed',
            reason: error instanceof Error ? error.message || error.name : String(error),
            isFinal: error instanceof ArgumentError,
          },
    ),
  );
}

process.on('message', hear);
process.on('disconnect', () => process.exit());
// They go to every process of a terminal: what to do is the worker's to say.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
