/** Every kernel that TensorFlow.js registers on its cpu and wasm backends, by name. */
import type { TensorFlow } from '../../src/tfjs/index.ts';
import { elementwise } from './elementwise.ts';
import type { Table } from './entry.ts';
import { moves } from './moves.ts';
import { others } from './others.ts';
import { windows } from './windows.ts';

/** Kernels without an entry, and why. */
export const leftOut: Readonly<Record<string, string>> = { Draw: 'writes to a canvas and returns nothing' };

export function kernelTable(tf: TensorFlow): Table {
  return { ...elementwise, ...moves, ...windows(tf), ...others };
}
