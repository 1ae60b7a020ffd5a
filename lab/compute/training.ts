/**
 * A training in a worker: `train` of the library on the wasm backend, with a gate between its steps for pausing, and with pictures of a
 * weight and of its codes on the way. What it computes is what `halfulp train` computes for the same recipe, data, steps and seed.
 */
import { ArgumentError, type QuantizerOptions, quantizer } from '../../src/index.ts';
import type { TensorFlow } from '../../src/tfjs/index.ts';
import {
  type Checkpoint,
  checkTraining,
  type EvaluationRecord,
  modelConfig,
  type PhaseRecord,
  type Recipe,
  recipeFrom,
  type StepRecord,
  type TrainResult,
  train,
} from '../../src/train/index.ts';
import type { Environment } from '../environment.ts';
import { integerFrom } from './read.ts';
import { type DataInput, trainingDataOf } from './training-data.ts';

export interface TrainingInput extends DataInput {
  /** JSON: a recipe, or the name of a published one with its options. */
  readonly recipe: string;
  readonly model: string;
  readonly steps: string;
  readonly seed: string;
  readonly probes: string;
  /** Begins paused. */
  readonly paused: boolean;
}

/** A corner of a weight matrix, and what its quantiser makes of it. */
export interface Picture {
  readonly step: number;
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly weights: Float32Array;
  /** Elements that the codes stand for; undefined where the phase reads the weight as it is. */
  readonly elements: Float32Array | undefined;
}

export type TrainingReport =
  | { readonly kind: 'begin'; readonly title: string; readonly recipe: Recipe }
  | { readonly kind: 'step'; readonly record: StepRecord }
  | { readonly kind: 'evaluation'; readonly record: EvaluationRecord }
  | { readonly kind: 'phase'; readonly record: PhaseRecord }
  | { readonly kind: 'picture'; readonly picture: Picture };

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

let backend: Promise<TensorFlow> | undefined;

/** TensorFlow.js on its wasm backend, in one thread as in Node, with files from beside the site. */
async function loadBackend(base: string): Promise<TensorFlow> {
  const modules = await Promise.all([import('@tensorflow/tfjs'), import('@tensorflow/tfjs-backend-wasm')]);
  // Bundles of either hand themselves out as the default.
  const [tf, wasm] = modules.map((one) => (one as { default?: unknown }).default ?? one) as typeof modules;
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  wasm.setWasmPaths(new URL('wasm/', base).href);
  if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js could not start its wasm backend here');
  await tf.ready();
  return tf;
}

function readRecipe(text: string): Recipe {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw new ArgumentError('recipe', text, `JSON: ${(error as Error).message}`);
  }
  try {
    return recipeFrom(given);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError('recipe', error.given, `${error.argument}: ${error.accepted}`);
  }
}

const side = 64;
/** Steps between two pictures. */
const pictureEvery = 5;

/** How the phase reads a weight: a quantiser without memory of its own; undefined for none. */
function readerOf(recipe: Recipe, phase: number) {
  const spec = recipe.phases[phase]?.linear.forward.w;
  if (spec === null || spec === undefined || typeof spec !== 'object' || spec.format === undefined)
    return undefined;
  const { of: _, norm: __, learn, ...options } = spec;
  if (learn !== undefined || options.scale?.from === 'learned') return undefined;
  return quantizer(options as QuantizerOptions);
}

/** The largest weight matrix that is held in binary32, its corner, and its codes. */
function pictureOf({ state, arrays }: Checkpoint, recipe: Recipe): Picture | undefined {
  const matrices = [...arrays].filter(
    ([name, { shape, dtype }]) => name.startsWith('weights/') && shape.length === 2 && dtype === 'F32',
  );
  const largest = matrices.toSorted(([, a], [, b]) => b.data.length - a.data.length)[0];
  if (largest === undefined) return undefined;
  const [name, { shape, data }] = largest;
  const [high, wide] = shape as [number, number];
  const values = new Float32Array(data.slice().buffer);
  const elements = readerOf(recipe, state.phase)?.fakeQuantize(values, [high, wide]) as
    | Float32Array
    | undefined;
  const [rows, columns] = [Math.min(side, high), Math.min(side, wide)];
  const corner = (of: Float32Array): Float32Array =>
    Float32Array.from(
      { length: rows * columns },
      (_, i) => of[Math.floor(i / columns) * wide + (i % columns)]!,
    );
  return {
    step: state.step,
    name: name.slice('weights/'.length),
    rows,
    columns,
    weights: corner(values),
    elements: elements && corner(elements),
  };
}

/** Trains, reports on the way, and answers with the result. */
export async function trainingRun(given: TrainingInput, { base, report }: Environment): Promise<TrainResult> {
  const tell = (one: TrainingReport): void => report(one);
  const recipe = readRecipe(given.recipe);
  const steps = integerFrom('steps', given.steps, 1, 100_000);
  const settings = {
    recipe,
    steps,
    model: modelConfig(given.model),
    seed: integerFrom('seed', given.seed, 0, 2 ** 48),
    probeEvery: integerFrom('probes', given.probes, 0, 100_000),
    evaluateEvery: Math.max(10, Math.round(steps / 20)),
    data: await trainingDataOf(given, base),
  };
  checkTraining(settings);
  backend ??= loadBackend(base);
  const tf = await backend;
  const own: Gate = { isPaused: given.paused, allowed: 1, controller: new AbortController() };
  gate = own;
  tell({ kind: 'begin', title: recipe.title, recipe });
  return train({
    ...settings,
    tf,
    signal: own.controller.signal,
    checkpointEvery: 1,
    onStep: (record) => tell({ kind: 'step', record }),
    onEvaluation: (record) => tell({ kind: 'evaluation', record }),
    onPhase: (record) => tell({ kind: 'phase', record }),
    async onCheckpoint(checkpoint) {
      const isSeen =
        own.isPaused || checkpoint.state.step % pictureEvery === 0 || checkpoint.state.step === 1;
      const picture = isSeen ? pictureOf(checkpoint, recipe) : undefined;
      if (picture !== undefined) tell({ kind: 'picture', picture });
      await pass(own);
    },
  });
}
