/**
 * The quantisers that a recipe may name. Those of slots have an owner, a layer's slot, which keeps what they remember; elsewhere
 * (states of optimisers, weights of an evaluation) one quantiser stands for many tensors and may not have a memory. Which
 * fields there are is quantizer-schema.ts.
 */

import { checkAbsent, within } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type Quantizer, type QuantizerOptions, quantizer } from '../quantizers/index.ts';
import { checkTensorFormat } from '../tfjs/check-tensors.ts';

const noMemory = 'nothing here: one quantiser stands for many tensors, and none of them would own its memory';

/** Throws ArgumentError naming the option, `scale.decay`, for a quantiser that remembers earlier tensors. */
function refuseMemory({ scale }: QuantizerOptions): void {
  for (const option of ['decay', 'history'] as const) checkAbsent(`scale.${option}`, scale[option], noMemory);
  if (scale.from === 'learned')
    throw new ArgumentError('scale.from', 'learned', `a statistic of each tensor, or constant; ${noMemory}`);
}

/**
 * The quantiser of a spec.
 * @param isOwned whether a slot keeps its memory
 * @throws ArgumentError naming the field, prefixed by `path`
 */
export function checkQuantizerSpec(path: string, spec: QuantizerOptions, isOwned = false): Quantizer {
  return within(path, () => {
    if (!isOwned) refuseMemory(spec);
    const made = quantizer(spec);
    checkTensorFormat('format', made.format);
    return made;
  });
}
