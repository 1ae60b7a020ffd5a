/**
 * The version of the numerics: what of this library decides the bits of a run. Two runs of one version, one seed and one
 * TensorFlow.js have the same bits; results of different versions are not taken for each other.
 */
import { shippedModules } from '../kernels/shipped.ts';
import { hashData } from './hash.ts';

/**
 * Raised whenever training gives other bits for a reason that is not in the kernels: an optimiser, a model, draws, an order
 * of operations. A test trains a little under the published recipes and fails where their bits change and this does not.
 */
export const numericsRevision = 2;

let known: string | undefined;

/** The revision and a hash of the kernels' bytes: `2-0123456789abcdef`. */
export function numericsVersion(): string {
  known ??= versionOf(numericsRevision, shippedModules);
  return known;
}

/** The version of a revision with kernels. */
export function versionOf(revision: number, modules: Readonly<Record<string, string>>): string {
  return `${revision}-${hashData(modules)}`;
}
