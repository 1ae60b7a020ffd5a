/**
 * The options of `halfulp compare` as values, and the command line that repeats a run with them. Reading them from
 * text is command.ts.
 */

import type { Arm } from './arms.ts';

/** Everything a user can choose; undefined means that the model's own setting holds. */
export interface CompareOptions {
  readonly steps: number;
  readonly seeds: number;
  /** The first seed; the others follow it. */
  readonly seed: number;
  readonly arms: readonly Arm[];
  readonly model: string;
  readonly batch: number | undefined;
  readonly learningRate: number | undefined;
  readonly evaluateEvery: number | undefined;
  readonly text: string | undefined;
  readonly backend: 'wasm' | 'cpu';
  readonly kernels: 'own' | 'stock';
  readonly out: string;
  readonly name: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** The options that decide results, as arguments; where to write and how to show it are left out. */
export function repeatCommand(options: CompareOptions, textName: string): string {
  const chosen: readonly (readonly [string, string | number | undefined])[] = [
    ['--steps', options.steps],
    ['--seeds', options.seeds],
    ['--seed', options.seed],
    ['--arms', options.arms.map(({ name }) => name).join(',')],
    ['--model', options.model],
    ['--batch', options.batch],
    ['--learning-rate', options.learningRate],
    ['--evaluate-every', options.evaluateEvery],
    ['--text', options.text === undefined ? undefined : quoted(textName)],
    ['--backend', options.backend],
    ['--kernels', options.kernels],
  ];
  const words = chosen.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
  return ['halfulp compare', ...words].join(' ');
}

/** A word for a POSIX shell. */
const quoted = (word: string): string =>
  /^[\w./@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
