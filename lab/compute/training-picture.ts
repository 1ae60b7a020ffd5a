/** A picture of a run's weights: the corner of the largest matrix, and what the forward pass reads of it. */
import { type Quantizer, quantizer } from '../../src/index.ts';
import { hasMemory, settledOptions } from '../../src/train/engine/slot-spec.ts';
import type { Checkpoint, Recipe } from '../../src/train/index.ts';
import type { Picture } from './run-record.ts';

/** Rows and columns of the largest picture. */
const side = 64;

/** How the phase reads a weight; undefined where it reads it as it is, or by what it remembers of earlier steps. */
function readerOf(recipe: Recipe | undefined, phase: number): Quantizer | undefined {
  const spec = recipe?.phases[phase]?.linear.forward.w ?? null;
  const options = spec === null || hasMemory(spec) ? undefined : settledOptions(spec);
  return options && quantizer(options);
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
