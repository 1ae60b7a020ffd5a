/**
 * Calls on short arrays, where what a call costs besides its elements is all: this build against another one, as it may lie in a
 * checkout of an older version. `node bench/small.js OTHER/dist [WORD ...]` (cases whose names have all words). Both take turns of a
 * few milliseconds in one process, by processor time, so that what else runs matters least.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fill, medianOf, processorSeconds } from './measure.js';

const lengths = [1, 13, 100, 1000, 1e4];
const turns = 60;
const secondsOfTurn = 0.003;

/** @param {string} folder */
const build = (folder) => import(pathToFileURL(resolve(folder, 'index.js')).href);

const perTensor = { per: 'tensor', from: 'absmax' };
/** @type {Record<string, object>} */
const quantizers = {
  'int8 tensor': { format: 'int8', scale: perTensor },
  'e4m3fn tensor': { format: 'e4m3fn', scale: perTensor },
  'int4 row': { format: 'int4', scale: { per: 'row', from: 'absmax' } },
  ternary: { format: 'ternary', scale: { per: 'tensor', from: 'absmean' } },
  'stochastic e4m3fn': { format: 'e4m3fn', rounding: 'stochastic', scale: perTensor },
};
const blocks = ['mxfp8e4m3', 'mxfp4', 'mxint8', 'nvfp4'];

/**
 * What a call on so many elements is, by name.
 * @param {any} library
 * @param {number} length
 * @returns {Record<string, () => unknown>}
 */
function cases(library, length) {
  const { round, encode, decode, arithmetic, quantizer, blockQuantizerOptions, hadamard } = library;
  /** @type {Record<string, () => unknown>} */
  const all = {};
  const x = fill(new Float32Array(length));
  const y = x.slice().reverse();
  const wide = Float64Array.from(x);
  const out = new Float32Array(length);
  const shared = library.allocateFloat32(length);
  shared.set(x);
  for (const name of ['e4m3fn', 'bfloat16', 'int8', 'posit16', 'nf4', 'e8m0'])
    all[`round ${name}`] = () => round(x, name);
  all['round e4m3fn, out'] = () => round(x, 'e4m3fn', { out });
  all['round e4m3fn, shared'] = () => round(shared, 'e4m3fn', { out: shared });
  all['round e4m3fn, float64'] = () => round(wide, 'e4m3fn');
  all['round e4m3fn, stochastic'] = () => round(x, 'e4m3fn', { rounding: 'stochastic', seed: 1 });
  for (const name of ['e4m3fn', 'bfloat16', 'int8', 'posit16', 'nf4']) {
    const codes = encode(x, name, { saturation: 'finite' });
    all[`encode ${name}`] = () => encode(x, name, { saturation: 'finite' });
    all[`decode ${name}`] = () => decode(codes, name);
  }
  for (const name of ['e4m3fn', 'bfloat16', 'posit16']) {
    const in_ = arithmetic(name);
    const [a, b] = [round(x, name), round(y, name)];
    all[`add ${name}`] = () => in_.add(a, b);
    all[`mul ${name}, out`] = () => in_.mul(a, b, { out });
    all[`fma ${name}`] = () => in_.fma(a, b, a);
    all[`exp ${name}`] = () => in_.exp(a);
  }
  for (const [name, options] of Object.entries(quantizers)) {
    const made = quantizer(options);
    all[`fakeQuantize ${name}`] = () => made.fakeQuantize(x);
    all[`fakeQuantize ${name}, out`] = () => made.fakeQuantize(x, [length], out);
  }
  for (const name of blocks) {
    const made = quantizer(blockQuantizerOptions(name));
    all[`fakeQuantize ${name}`] = () => made.fakeQuantize(x);
    all[`quantize ${name}`] = () => made.quantize(x);
  }
  all['quantize int8'] = () => quantizer(quantizers['int8 tensor']).quantize(x);
  for (const size of [16, 128]) {
    const { forward } = hadamard({ size, seed: 1 });
    all[`hadamard ${size}`] = () => forward(x, [length]);
    all[`hadamard ${size}, shared`] = () => forward(shared, [length]);
  }
  return all;
}

/** Seconds a call, of a batch. @param {() => unknown} call @param {number} count */
function secondsOf(call, count) {
  const start = processorSeconds();
  for (let i = 0; i < count; i++) call();
  return (processorSeconds() - start) / count;
}

/** Calls of a turn, all code warm. @param {() => unknown} call */
function countOf(call) {
  for (let count = 1; ; count *= 2) {
    const start = performance.now();
    for (let i = 0; i < count; i++) call();
    if (performance.now() - start > 1e3 * 30 * secondsOfTurn) return Math.max(1, Math.round(count / 30));
  }
}

const [folder, ...words] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: node bench/small.js OTHER/dist [WORD ...]');
const [own, other] = [await build(new URL('../dist', import.meta.url).pathname), await build(folder)];
console.log('case, elements, microseconds a call, speed by that of the other build');
for (const length of lengths) {
  const [mine, theirs] = [cases(own, length), cases(other, length)];
  for (const [name, call] of Object.entries(mine)) {
    if (!words.every((word) => `${name} ${length}`.includes(word))) continue;
    const before = theirs[name];
    if (before === undefined) continue;
    const calls = [call, before];
    const counts = calls.map(countOf);
    const [times, ratios] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
    for (let turn = 0; turn < turns; turn++) {
      // In turn first, as what one leaves to be collected the next one may pay for.
      const [first, second] = turn % 2 === 0 ? [0, 1] : [1, 0];
      const taken = [0, 0];
      for (const which of [first, second]) taken[which] = secondsOf(calls[which], counts[which]);
      const [now, then] = taken;
      times.push(now);
      ratios.push(then / now);
    }
    console.log(
      `${name}, ${length}, ${(1e6 * medianOf(times)).toPrecision(3)}, ${medianOf(ratios).toFixed(2)}`,
    );
  }
}
