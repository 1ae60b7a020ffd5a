/**
 * Weights as 8-bit integers with a scale and a zero point for each group, taken anew of every updated weight, so that
 * the grid follows the weights. The integers are rounded stochastically or to nearest.
 * Source: Zhang et al., "Q-GaLore", arXiv 2407.08296, section 3.3.
 */
import { quantizer } from '../../quantizers/index.ts';
import { stepRatioOf, type WriteMeasure, WriteTally } from './measure.ts';
import type { GroupStore } from './spec.ts';
import { bytesOf, type Draw, type HeldWeight } from './store.ts';

/** Holds a weight in groups; the initial values are rounded to nearest. */
export function groupWeight(initial: Float32Array, spec: GroupStore): HeldWeight {
  const count = initial.length;
  const options = { format: 'uint8', scale: { per: 'block', size: spec.size, from: 'minmax' } } as const;
  const nearest = quantizer(options);
  const writer = spec.rounding === 'stochastic' ? quantizer({ ...options, rounding: 'stochastic' }) : nearest;
  let packed = nearest.quantize(initial, [count]).pack();
  const load = (): Float32Array => nearest.unpack(packed, [count]).values as Float32Array;
  const write = (updated: Float32Array, draw: Draw): void => {
    packed = writer.quantize(updated, [count], draw).pack();
  };

  return {
    get bytes() {
      return packed.byteLength;
    },
    // A group has its own.
    unit: undefined,
    load,
    write,
    writeMeasured(updated, draw): WriteMeasure {
      const before = nearest.unpack(packed, [count]);
      const held = before.values;
      write(updated, draw);
      const after = nearest.unpack(packed, [count]);
      const tally = new WriteTally();
      for (let i = 0; i < count; i++) {
        const code = Number(after.codes![i]);
        const ratio = stepRatioOf(updated[i]!, held[i]!, before.scales[Math.floor(i / spec.size)]!);
        tally.add(
          ratio,
          code !== Number(before.codes![i]),
          after.values[i] === 0,
          code === 0 || code === 255,
        );
      }
      return tally.result(after.codes!);
    },
    save: () => ({ codes: { dtype: 'U8', shape: [packed.byteLength], data: packed } }),
    restore(saved) {
      packed = bytesOf('codes', saved['codes'], packed.byteLength);
    },
  };
}
