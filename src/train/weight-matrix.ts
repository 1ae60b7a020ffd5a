/**
 * Weights of the harness's models as quantisers see them: matrices whose rows run along what the forward product sums over. Weights of
 * linear layers are held so; filters (height, width, inputs, outputs) are turned. `src/tfjs/operand-views.ts` does the same to tensors.
 */
import { sizeOf } from '../shape.ts';
import type { OperandSpec } from './linear-slots.ts';
import type { ParameterRole } from './parameter-role.ts';

/** A weight's role and shape. */
interface Weight {
  readonly role: ParameterRole | 'activation-product';
  readonly shape: readonly number[];
}

/** Rows and columns of a weight as the quantiser `w` sees it. Blocks of a filter stay within a tap; complex ones are of each tap. */
export function weightMatrixShape({ role, shape }: Weight, w: OperandSpec | null): readonly number[] {
  if (role !== 'convolution') return shape;
  const [inputs, outputs] = shape.slice(-2) as [number, number];
  const taps = sizeOf(shape.slice(0, -2));
  if (w?.form?.kind === 'complex') return [taps, outputs, inputs];
  const isBlocks = w !== null && (w.scale?.per === 'block' || w.transform !== undefined);
  return isBlocks ? [outputs * taps, inputs] : [outputs, taps * inputs];
}

/** The values of a weight in the order of that matrix. */
export function weightMatrixValues({ role, shape }: Weight, values: Float32Array): Float32Array {
  if (role !== 'convolution') return values;
  const outputs = shape.at(-1)!;
  const columns = values.length / outputs;
  return values.map((_, i) => values[(i % columns) * outputs + Math.floor(i / columns)]!);
}
