/**
 * The quantisers that a recipe may name, in the slots of layers and for the states of optimisers: without a memory. A spec
 * says what many tensors are read as, so averages, windows and learned scales of one quantiser would run together, would
 * be changed by an evaluation and missing from a checkpoint. Which fields there are is recipe-schema.ts.
 */
import { within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { fitsBinary32 } from '../tensor/arrays.ts';
import { type Quantizer, type QuantizerOptions, quantizer } from '../tensor/quantizers/index.ts';

const noMemory =
  'nothing in a recipe: one quantiser stands for many tensors, and none of them would own its memory';

/** Throws ArgumentError naming the option, `scale.decay`, for a quantiser that remembers earlier tensors. */
export function refuseMemory({ scale }: QuantizerOptions): void {
  for (const option of ['decay', 'history'] as const)
    if (scale[option] !== undefined) throw new ArgumentError(`scale.${option}`, scale[option], noMemory);
  if (scale.from === 'learned')
    throw new ArgumentError('scale.from', 'learned', `a statistic of each tensor, or constant; ${noMemory}`);
}

/** The quantiser of a spec. Throws ArgumentError naming the field, prefixed by `path`. */
export function checkQuantizerSpec(path: string, spec: QuantizerOptions): Quantizer {
  return within(path, () => {
    refuseMemory(spec);
    const made = quantizer(spec);
    if (!fitsBinary32(made.format))
      throw new ArgumentError(
        'format',
        made.format.name,
        'a format whose values binary32 has: tensors are float32',
      );
    return made;
  });
}
