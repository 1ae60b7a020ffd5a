/**
 * Weights as bfloat16 codes, two bytes each, written with stochastic or nearest rounding; no float32 copy.
 */
import { pack, unpack } from '../../formats/index.ts';
import { decode, encode } from '../../tensor/arrays.ts';
import { stepRatioOf, type WriteMeasure, WriteTally } from './measure.ts';
import type { Bfloat16Store } from './spec.ts';
import { bytesOf, type Draw, type HeldWeight } from './store.ts';

/** Holds a weight in bfloat16; its initial values are rounded to nearest. */
export function bfloat16Weight(initial: Float32Array, spec: Bfloat16Store): HeldWeight {
  const count = initial.length;
  const bytes = (weights: Float32Array, draw: Draw | null): Uint8Array =>
    pack(
      encode(
        weights,
        'bfloat16',
        draw === null || spec.rounding === 'nearest-even' ? {} : { rounding: 'stochastic', ...draw },
      ),
      'bfloat16',
    );
  let packed = bytes(initial, null);
  const load = (): Float32Array => decode(unpack(packed, 'bfloat16', count), 'bfloat16') as Float32Array;

  return {
    get bytes() {
      return packed.byteLength;
    },
    load,
    write(updated, draw) {
      packed = bytes(updated, draw);
    },
    writeMeasured(updated, draw): WriteMeasure {
      const before = load();
      packed = bytes(updated, draw);
      const after = load();
      const tally = new WriteTally();
      for (let i = 0; i < count; i++) {
        const ratio = stepRatioOf(updated[i]!, before[i]!, ulp(before[i]!));
        tally.add(ratio, after[i] !== before[i], after[i] === 0, false);
      }
      return tally.result(unpack(packed, 'bfloat16', count));
    },
    save: () => ({ codes: { dtype: 'BF16', shape: [count], data: packed } }),
    restore(saved) {
      packed = bytesOf('codes', saved['codes'], 2 * count);
    },
  };
}

const bits = new Uint32Array(1);
const number = new Float32Array(bits.buffer);

/** Distance from |x| to the next larger bfloat16. */
function ulp(x: number): number {
  number[0] = x;
  const exponent = Math.max(1, (bits[0]! >>> 23) & 0xff);
  return 2 ** (exponent - 127 - 7);
}
