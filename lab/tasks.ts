/** What a worker can be asked for: each task's code is loaded when it is asked for the first time. */
import type { Environment } from './environment.ts';

/** The tasks by name. */
export const tasks = {
  format: async () => (await import('./compute/format.ts')).formatSheet,
  rounding: async () => (await import('./compute/rounding.ts')).roundingSheet,
  arithmetic: async () => (await import('./compute/arithmetic.ts')).arithmeticSheet,
  quantisers: async () => (await import('./compute/quantisers.ts')).quantisersSheet,
  training: async () => (await import('./compute/training.ts')).trainingRun,
  trainingCheck: async () => (await import('./compute/training-settings.ts')).trainingCheck,
  runFiles: async () => (await import('./compute/run-files.ts')).runFiles,
  spirals: async () => (await import('./spirals.ts')).csvOfSpirals,
  trainingControl: async () => (await import('./compute/training.ts')).trainingControl,
  example: async () => (await import('./compute/example.ts')).exampleRun,
} as const;

export type TaskName = keyof typeof tasks;

/** A task's function. */
export type Tasks = { readonly [T in TaskName]: Awaited<ReturnType<(typeof tasks)[T]>> };

/** A task as the worker runs it. */
export type AnyTask = (input: never, environment: Environment) => unknown;
