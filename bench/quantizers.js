/**
 * Quantisers against a copy of the same size and against the reference; and how much longer a matrix product takes whose operands are
 * quantised first.
 */
import { allocateFloat32, release, sharedHeap } from '../build/kernels/heap.js';
import { kernelsOn } from '../build/kernels/heap-kernels.js';
import { blockQuantizerOptions, quantizer } from '../build/quantizers/index.js';
import { measure, memmove } from './measure.js';
import { digits, judge, table } from './report.js';

const columns = 1000;
/** The reference needs some 30 bytes an element beside, and does not depend on the length. */
const referenceLength = 1e5;

const perTensor = /** @type {const} */ ({ per: 'tensor', from: 'absmax' });
const perRow = /** @type {const} */ ({ per: 'row', from: 'absmax' });
const ternary = /** @type {const} */ ({ format: 'ternary', scale: { per: 'tensor', from: 'absmean' } });

/** Name, options, the ratio to memmove at 10^7 that is wanted of it. */
const quantizers = /** @type {const} */ ([
  ['int8 tensor', { format: 'int8', scale: perTensor }, 0.3],
  ['e4m3fn tensor', { format: 'e4m3fn', scale: perTensor }, 0.3],
  ['e5m2 tensor', { format: 'e5m2', scale: perTensor }, 0.3],
  ['int8 rows', { format: 'int8', scale: perRow }, 0.3],
  ['int4 rows', { format: 'int4', scale: perRow }, 0.3],
  ['ternary absmean', ternary, 0.3],
  ['mxfp8e4m3', blockQuantizerOptions('mxfp8e4m3'), 0.15],
  ['mxfp8e5m2', blockQuantizerOptions('mxfp8e5m2'), 0.15],
  ['mxfp6e2m3', blockQuantizerOptions('mxfp6e2m3'), 0.15],
  ['mxfp4', blockQuantizerOptions('mxfp4'), 0.15],
  ['mxfp4 rceil', blockQuantizerOptions('mxfp4', { direction: 'rceil' }), 0.15],
  ['mxint8', blockQuantizerOptions('mxint8'), 0.15],
  ['nvfp4', blockQuantizerOptions('nvfp4'), 0.15],
  ['e4m3fn tensor, stochastic', { format: 'e4m3fn', rounding: 'stochastic', scale: perTensor }, 0],
  ['mxfp4, stochastic', blockQuantizerOptions('mxfp4', { rounding: 'stochastic' }), 0],
]);

/** Names, options of the left and the right operand. */
const products = /** @type {const} */ ([
  ['int8 rows x ternary', { format: 'int8', scale: perRow }, ternary],
  ['mxfp8e4m3 x mxfp4', blockQuantizerOptions('mxfp8e4m3'), blockQuantizerOptions('mxfp4')],
]);

/** @param {Float32Array} x */
function fill(x) {
  for (let i = 0; i < x.length; i++) x[i] = ((i * 7919) % 10007) / 5003 - 1;
  return x;
}

/** @param {number} seconds @param {(line: string) => void} report */
function benchElements(seconds, report) {
  const results = [];
  for (const length of [1e6, 1e7]) {
    const shape = [length / columns, columns];
    const [x, out] = [fill(allocateFloat32(length)), allocateFloat32(length)];
    const [plain, plainOut] = [Float32Array.from(x), new Float32Array(length)];
    const short = plain.slice(0, referenceLength);
    for (const [name, options, wanted] of quantizers) {
      const made = quantizer(options);
      const times = measure(
        {
          memmove: memmove(length),
          heap: () => made.fakeQuantize(x, shape, out),
          ordinary: () => made.fakeQuantize(plain, shape, plainOut),
          reference: () => made.explain(short, [referenceLength / columns, columns]),
        },
        { seconds },
      );
      const { memmove: copy, heap, ordinary, reference } = times;
      const rates = {
        memmove: length / copy / 1e6,
        heap: length / heap / 1e6,
        ordinary: length / ordinary / 1e6,
        reference: referenceLength / reference / 1e6,
      };
      results.push({ quantizer: name, length, wanted, ...rates });
      report(`${name}, ${length.toExponential(0)}`);
    }
    release(x);
    release(out);
  }
  return results;
}

/** @param {number} seconds @param {(line: string) => void} report */
function benchProducts(seconds, report) {
  const kernels = kernelsOn(sharedHeap());
  const n = 512;
  const arrays = Array.from({ length: 5 }, () => fill(allocateFloat32(n * n)));
  const [a, b, aq, bq, out] =
    /** @type {[Float32Array, Float32Array, Float32Array, Float32Array, Float32Array]} */ (arrays);
  // The right operand is stored by its outputs, so that blocks lie along the axis that is summed over.
  const shape = { m: n, n, k: n, transposeB: true };
  const results = [];
  for (const [name, left, right] of products) {
    const [ofA, ofB] = [quantizer(left), quantizer(right)];
    const times = measure(
      {
        plain: () => kernels.matmulFloat32(a.byteOffset, b.byteOffset, out.byteOffset, shape),
        quantized: () => {
          ofA.fakeQuantize(a, [n, n], aq);
          ofB.fakeQuantize(b, [n, n], bq);
          kernels.matmulFloat32(aq.byteOffset, bq.byteOffset, out.byteOffset, shape);
        },
      },
      { seconds },
    );
    results.push({ product: name, ...times });
    report(name);
  }
  for (const array of arrays) release(array);
  return results;
}

/** @param {{ seconds: number, report: (line: string) => void }} options */
export function benchQuantizers({ seconds, report }) {
  return [...benchElements(seconds, report), ...benchProducts(seconds, report)];
}

/** @param {any[]} rows elements, then products */
export function quantizersTable(rows) {
  const elements = table(
    'Quantising and dequantising float32 with a given result array, M elements/s',
    [
      'quantiser',
      'length',
      'memmove',
      'heap',
      'ordinary',
      'plain JS',
      'heap/memmove',
      'ordinary/memmove',
      'heap/JS',
    ],
    rows
      .filter((r) => r.quantizer !== undefined)
      .map((r) => [
        r.quantizer,
        r.length,
        ...[r.memmove, r.heap, r.ordinary, r.reference].map(digits),
        ...[r.heap / r.memmove, r.ordinary / r.memmove, r.heap / r.reference].map(digits),
      ]),
  );
  const products = table(
    'Products of 512 x 512, both operands quantised first, ms',
    ['operands', 'plain', 'quantised', 'quantised/plain'],
    rows
      .filter((r) => r.product !== undefined)
      .map((r) => [r.product, ...[r.plain * 1e3, r.quantized * 1e3, r.quantized / r.plain].map(digits)]),
  );
  return `${elements}\n${products}`;
}

/** @param {readonly any[]} rows */
export function quantizersTargets(rows) {
  const judged = [];
  for (const [what, wanted] of /** @type {const} */ ([
    ['one scale a tensor or row', 0.3],
    ['MX and NVFP4', 0.15],
  ]))
    for (const place of ['heap', 'ordinary']) {
      const measured = rows
        .filter((r) => r.wanted === wanted && r.length === 1e7)
        .map((r) => ({ label: r.quantizer, ratio: r[place] / r.memmove }));
      judged.push(judge(`quantisers, ${what}, ${place}, against memmove at 1e7`, wanted, measured));
    }
  const products = rows
    .filter((r) => r.product !== undefined)
    .map((r) => ({ label: r.product, ratio: r.plain / r.quantized }));
  return [...judged, judge('plain product of 512 x 512 against one of quantised operands', 0.91, products)];
}
