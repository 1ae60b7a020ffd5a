/** A picture of a run's weights: the corner of the largest matrix, and what the forward pass reads of it. */
import { type QuantizerOptions, quantizer } from '../../src/index.ts';
import type { Checkpoint, Recipe } from '../../src/train/index.ts';
import type { Picture } from './run-record.ts';

/** Rows and columns of the largest picture. */
const side = 64;
/** How the phase reads a weight: a quantiser without memory of its own; undefined for none. */
function readerOf(recipe: Recipe | undefined, phase: number) {
  const spec = recipe?.phases[phase]?.linear.forward.w;
  if (spec === null || spec === undefined || typeof spec !== 'object' || spec.format === undefined)
    return undefined;
  const { of: _, norm: __, learn, ...options } = spec;
  if (learn !== undefined || options.scale?.from === 'learned') return undefined;
  return quantizer(options as QuantizerOptions);
}

/** The largest weight matrix that is held in binary32, its corner, and its codes. */
export function pictureOf({ state, arrays }: Checkpoint, recipe: Recipe | undefined): Picture | undefined {
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
