/** What quantisers refuse, and in which words. */
import { describe, expect, it } from 'vitest';
import {
  dequantize,
  type QuantizerOptions,
  quantize,
  quantizer,
  type ScaleOptions,
} from '../../src/quantizers/index.ts';

const list = (...numbers: number[]): Float32Array => Float32Array.from(numbers);

describe('wrong options', () => {
  const scale: ScaleOptions = { per: 'tensor', from: 'absmax' };
  it.each<[RegExp, unknown]>([
    [/scale: got undefined/, { format: 'int8' }],
    [/^transform: got 'hadamard'/, { format: 'int8', scale, transform: 'hadamard' }],
    [
      /^transform.name: got 'hadmard'.*did you mean hadamard/,
      { format: 'int8', scale, transform: { name: 'hadmard' } },
    ],
    [/^transform.size: got 3/, { format: 'int8', scale, transform: { name: 'hadamard', size: 3 } }],
    [/^transform.extra: got 1/, { format: 'int8', scale, transform: { name: 'hadamard', extra: 1 } }],
    [/^gradient: got 'clippd'/, { format: 'int8', scale, gradient: 'clippd' }],
    [/^gradient.name: got 'clippd'/, { format: 'int8', scale, gradient: { name: 'clippd' } }],
    [/^gradient.strict: got 1/, { format: 'int8', scale, gradient: { name: 'clipped', strict: 1 } }],
    [/scale.per: got undefined/, { format: 'int8', scale: {} }],
    [/scale.size: got 0/, { format: 'int8', scale: { per: 'block', size: 0, from: 'absmax' } }],
    [/scale.from: got 'max'/, { format: 'int8', scale: { per: 'row', from: 'max' } }],
    [/scale.form: got/, { format: 'int8', scale: { ...scale, form: 'e8m0' } }],
    [/scale.format: got 'int8'/, { format: 'int8', scale: { ...scale, format: 'int8' } }],
    [/scale.format: got 'e2m1'/, { format: 'int8', scale: { ...scale, format: 'e2m1' } }],
    [
      /scale.direction: got 'floor'; accepted: nothing/,
      { format: 'int8', scale: { ...scale, direction: 'floor' } },
    ],
    [/scale.direction: got 'up'/, { format: 'int8', scale: { ...scale, format: 'e8m0', direction: 'up' } }],
    [
      /scale.direction: got 'even'; accepted: floor, ceil, rceil for nf4/,
      { format: 'nf4', scale: { ...scale, format: 'e8m0', direction: 'even' } },
    ],
    [/scale.tensorScale/, { format: 'e2m1', scale: { ...scale, format: 'e8m0', tensorScale: true } }],
    [/scale.stored/, { format: 'e2m1', scale: { ...scale, format: 'e8m0', stored: 'encode' } }],
    [/scale.percentile: got undefined/, { format: 'int8', scale: { ...scale, from: 'percentile' } }],
    [
      /scale.percentile: got 101/,
      { format: 'int8', scale: { ...scale, from: 'percentile', percentile: 101 } },
    ],
    [/scale.percentile: got 5; accepted: nothing/, { format: 'int8', scale: { ...scale, percentile: 5 } }],
    [/scale.value: got undefined/, { format: 'int8', scale: { ...scale, from: 'constant' } }],
    [/scale.value: got -1/, { format: 'int8', scale: { ...scale, from: 'constant', value: -1 } }],
    [/scale.prescale/, { format: 'int8', scale: { ...scale, prescale: 0.75 } }],
    [/scale.gain/, { format: 'int8', scale: { ...scale, gain: 2 } }],
    [/scale.gain: got 0/, { format: 'int8', scale: { ...scale, format: 'e8m0', gain: 0 } }],
    [/scale.decay: got 1/, { format: 'int8', scale: { ...scale, decay: 1 } }],
    [/scale.history: /, { format: 'int8', scale: { ...scale, decay: 0.5, history: { length: 2 } } }],
    [/scale.history.length/, { format: 'int8', scale: { ...scale, history: {} } }],
    [/scale.fourOverSix/, { format: 'e2m1', scale: { ...scale, fourOverSix: 'mae' } }],
    [/scale.level/, { format: 'e2m1', scale: { ...scale, format: 'e8m0', level: 'least-squares' } }],
    [/scale.least/, { format: 'e2m1', scale: { ...scale, least: -1 } }],
    [/scale.target/, { format: 'e2m1', scale: { ...scale, target: 0 } }],
    [/strength: got 2/, { format: 'e2m1', scale, strength: 2 }],
    [/strength: got 0.5/, { format: 'e2m1', scale, strength: 0.5, invert: false }],
    [/range: got 'all'/, { format: 'int8', scale, range: 'all' }],
    [/nan: got 'ignore'/, { format: 'int8', scale, nan: 'ignore' }],
    [/saturation: got 'wrap'/, { format: 'e2m1', scale, saturation: 'wrap' }],
    [/seed: got -1/, { format: 'e2m1', scale, seed: -1 }],
    [/rouding: got/, { format: 'e2m1', scale, rouding: 'nearest-even' }],
  ])('%s', (message, options) => {
    expect(() => quantizer(options as QuantizerOptions)).toThrow(message);
  });

  it('and wrong calls', () => {
    const q = quantizer({ format: 'int8', scale });
    expect(() => q.quantize(list(1, 2), [3])).toThrow(/shape: /);
    expect(() => q.quantize(list(1, 2), [2], { sed: 1 } as never)).toThrow(
      /sed: got 1; accepted: no such option/,
    );
    expect(() => q.quantize(list(1, 2), [2], { thread: 2 } as never)).toThrow(
      /thread: got 2; accepted: no such option/,
    );
    expect(() => q.fakeQuantize(list(1), [1], undefined, { update: 0 } as never)).toThrow(/update: got 0/);
    expect(() => q.fakeQuantize(list(1), [1], undefined, { axis: 1 })).toThrow(/axis: got 1/);
    expect(() => quantize(list(1), 'mxfp4', { thread: 2 } as never)).toThrow(
      /thread: got 2; accepted: no such option/,
    );
    expect(() => quantize(list(1), 'int8x' as string)).toThrow(/format: got 'int8x'/);
    expect(() => quantize(list(1), 'mxfp4', { symmetric: true })).toThrow(/symmetric: /);
    expect(() => quantize(list(1), 'mxfp4', { rowScaled: true })).toThrow(/rowScaled: /);
    expect(() => quantize(list(1), 'nvfp4', { direction: 'ceil' })).toThrow(/scale.direction: /);
    expect(() => quantize(list(1), 'mxfp4', { axis: 1 })).toThrow(/axis: /);
    expect(() => q.unpack(new Uint8Array(3), [2])).toThrow(/bytes: got Uint8Array.*6 bytes for shape \[2\]/);
    expect(() => dequantize({} as never)).toThrow(/quantized: /);
  });
});
