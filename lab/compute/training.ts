/**
 * A training in a worker: `train` of the library on a backend of TensorFlow.js, with a gate between its steps for pausing, and with pictures of a
 * weight and of its codes on the way. What it computes is what `halfulp train` computes for the same recipe, data and options.
 */
import type { TensorFlow } from '../../src/tfjs/index.ts';
import { checkTraining, type Recipe, train } from '../../src/train/index.ts';
import type { Environment } from '../environment.ts';
import { wordFrom } from './read.ts';
import { addRecord, emptyRecord, type Picture, type RunEntry } from './run-record.ts';
import { spikeOf } from './run-spike.ts';
import { trainingDataOf } from './training-data.ts';
import { pictureOf } from './training-picture.ts';
import {
  backendNames,
  ofRecipeField,
  readRecipe,
  settingsOf,
  type TrainingFields,
} from './training-settings.ts';

export interface TrainingInput extends TrainingFields {
  readonly recipe: string;
  /** The field that has the recipe. */
  readonly field: string;
  /** Begins paused. */
  readonly paused: boolean;
}

export type TrainingReport =
  | { readonly type: 'begin'; readonly recipe: Recipe }
  | { readonly type: 'teacher'; readonly steps: number }
  | RunEntry
  | { readonly type: 'picture'; readonly picture: Picture };

/** The gate that a run passes after every step. */
interface Gate {
  isPaused: boolean;
  /** Steps that it lets pass while it is shut. */
  allowed: number;
  open?: (() => void) | undefined;
  readonly controller: AbortController;
}

let gate: Gate | undefined;

/** Pauses the run of this worker, lets it go on, lets it do one step, or ends it after the step. */
export function trainingControl({ command }: { readonly command: 'pause' | 'go' | 'step' | 'stop' }): void {
  if (gate === undefined) return;
  if (command === 'stop') gate.controller.abort();
  gate.isPaused = command === 'pause' || command === 'step';
  if (command === 'step') gate.allowed++;
  if (command !== 'pause') gate.open?.();
}

async function pass(one: Gate): Promise<void> {
  while (one.isPaused && !one.controller.signal.aborted) {
    if (one.allowed > 0) {
      one.allowed--;
      return;
    }
    await new Promise<void>((resolve) => {
      one.open = resolve;
    });
    one.open = undefined;
  }
}

let loaded: Promise<TensorFlow> | undefined;

/** TensorFlow.js with both backends, the wasm one in one thread as in Node, its files from beside the site. */
async function loadTensorFlow(base: string): Promise<TensorFlow> {
  const modules = await Promise.all([import('@tensorflow/tfjs'), import('@tensorflow/tfjs-backend-wasm')]);
  // Bundles of either hand themselves out as the default.
  const [tf, wasm] = modules.map((one) => (one as { default?: unknown }).default ?? one) as typeof modules;
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  wasm.setWasmPaths(new URL('wasm/', base).href);
  return tf;
}

async function onBackend(name: string, base: string): Promise<TensorFlow> {
  loaded ??= loadTensorFlow(base);
  const tf = await loaded;
  if (!(await tf.setBackend(name))) throw new Error(`TensorFlow.js could not start its ${name} backend here`);
  await tf.ready();
  return tf;
}

/** Steps between two pictures. */
const pictureEvery = 5;

/** Trains, and reports on the way and in the end. */
export async function trainingRun(given: TrainingInput, { base, report }: Environment): Promise<void> {
  const tell = (one: TrainingReport): void => report(one);
  const recipe = ofRecipeField(given.field, () => readRecipe(given.recipe));
  const settings = { ...settingsOf(given), recipe, data: await trainingDataOf(given, base) };
  ofRecipeField(given.field, () => checkTraining(settings));
  const tf = await onBackend(wordFrom('backend', given.backend, backendNames), base);
  const own: Gate = { isPaused: given.paused, allowed: 0, controller: new AbortController() };
  gate = own;
  tell({ type: 'begin', recipe });
  const record = emptyRecord(recipe.title);
  const note = (entry: RunEntry): void => {
    addRecord(record, entry);
    tell(entry);
  };
  const result = await train({
    ...settings,
    tf,
    signal: own.controller.signal,
    checkpointEvery: 1,
    onStep(one) {
      note({ type: 'step', ...one });
      // Far from the change little is new, and all losses are looked at.
      const since = one.step - (record.phases.at(-1) ?? one.step);
      if (since > 0 && (since <= 250 || since % 50 === 0)) note({ type: 'spike', spike: spikeOf(record) });
    },
    onEvaluation: (one) => note({ type: 'evaluation', ...one }),
    onPhase: (one) => note({ type: 'phase', ...one }),
    onTeacher: ({ steps }) => tell({ type: 'teacher', steps }),
    async onCheckpoint(checkpoint) {
      const { step } = checkpoint.state;
      const isSeen = own.isPaused || step % pictureEvery === 0 || step === 1;
      const picture = isSeen ? pictureOf(checkpoint, recipe) : undefined;
      if (picture !== undefined) tell({ type: 'picture', picture });
      await pass(own);
    },
  });
  note({ type: 'spike', spike: spikeOf(record) });
  note({ type: 'result', ...result });
}
