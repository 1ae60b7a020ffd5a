/** Options that every command that trains has with the same meaning, bounds and default. */
import { Option } from 'commander';
import { choice, real } from './options.ts';

/** `--learning-rate`: no default, so that the model's holds. */
export function learningRateOption(): Option {
  return new Option('--learning-rate <x>', "peak learning rate (default: the model's)").argParser(
    real('--learning-rate', 0, 1),
  );
}

/** `--backend`: who computes. */
export function backendOption(): Option {
  return new Option('--backend <name>', 'TensorFlow.js backend: wasm, cpu')
    .argParser(choice('--backend', ['wasm', 'cpu']))
    .default('wasm');
}

/** `--kernels`: whose matrix products. */
export function kernelsOption(): Option {
  return new Option(
    '--kernels <name>',
    'matrix products by our kernels or those of TensorFlow.js: own, stock',
  )
    .argParser(choice('--kernels', ['own', 'stock']))
    .default('own');
}
