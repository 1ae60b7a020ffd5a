/**
 * What this version of Node computes, as one line of JSON for any-node.js: hashes of the kernels' results, and every loss of
 * some training, which a resume from a checkpoint's bytes must give again. Imports the built package.
 */
import { createHash } from 'node:crypto';
import { arithmetic, decode, encode, matrixUnit, quantize, round } from '../dist/index.js';
import { wasmBackend } from '../dist/tfjs/index.js';
import {
  decodeCheckpoint,
  encodeCheckpoint,
  labelledData,
  recipes,
  textData,
  train,
} from '../dist/train/index.js';

const hash = (...arrays) => {
  const digest = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of arrays)
    digest.update(new Uint8Array(buffer, byteOffset, byteLength));
  return digest.digest('hex').slice(0, 16);
};

/** Numbers of every binade of binary32, and what is no number; drawn by a linear congruence. */
function numbers(count) {
  const words = new Uint32Array(count);
  let word = 12345;
  for (let i = 0; i < count; i++) {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    words[i] = word;
  }
  words.set([0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 1, 0x807fffff]);
  return new Float32Array(words.buffer);
}

const x = numbers(4096);
const small = numbers(4096).map((value) => (Number.isFinite(value) ? Math.fround(value % 3) : 1));
const roundings = ['nearest-even', 'nearest-away', 'toward-zero', 'toward-positive', 'to-odd', 'stochastic'];
const floats = ['binary16', 'bfloat16', 'e4m3fn', 'e5m2', 'e2m1', 'tf32'];
const others = ['posit16', 'int8', 'nf4', 'e8m0'];
const kernels = [];
const note = (name, ...arrays) => kernels.push(`${name} ${hash(...arrays)}`);

/** NaN is one number to every engine: which of its codes an array has is not said by JavaScript. */
const settled = (values) => values.map((value) => (Number.isNaN(value) ? Number.NaN : value));

for (const format of [...floats, ...others]) {
  for (const rounding of floats.includes(format) ? roundings : ['nearest-even', 'stochastic']) {
    const options = { rounding, ...(rounding === 'stochastic' ? { seed: 7 } : {}) };
    note(`round ${format} ${rounding}`, settled(round(x, format, options)));
  }
  const held = round(small, format, { saturation: 'finite' });
  const codes = encode(held, format);
  note(`codec ${format}`, codes, settled(decode(codes, format)));
}
for (const format of floats) {
  const held = round(small, format, { saturation: 'finite' });
  const reversed = held.slice().reverse();
  const { add, mul, div, sqrt, exp, dot } = arithmetic(format, { saturation: 'finite' });
  for (const [name, operation] of Object.entries({ add, mul, div }))
    note(`${name} ${format}`, settled(operation(held, reversed)));
  note(`sqrt ${format}`, settled(sqrt(held)));
  note(`exp ${format}`, settled(exp(held.subarray(0, 256))));
  note(`dot ${format}`, Float64Array.of(dot(held.subarray(0, 64), reversed.subarray(0, 64))));
}
const { matmul } = arithmetic('bfloat16');
const [a, b] = [round(small.subarray(0, 1024), 'bfloat16'), round(small.subarray(1024, 2048), 'bfloat16')];
for (const accumulate of ['binary32', 'bfloat16', 'exact'])
  note(
    `matmul ${accumulate}`,
    settled(matmul(a, b, { m: 32, k: 32, n: 32 }, { products: 'exact', accumulate })),
  );
const unit = matmul(a, b, { m: 32, k: 32, n: 32 }, { accumulate: matrixUnit('hopper-bf16') });
note('matmul hopper-bf16', settled(unit));
for (const format of ['nvfp4', 'mxfp8e4m3', 'mxint8'])
  note(`quantize ${format}`, quantize(small, format, { shape: [64, 64] }).values);

/** A run, and the same stopped half-way and resumed from bytes: both have these losses. */
async function lossesOf(options) {
  const losses = [];
  const whole = await train({ ...options, onStep: ({ loss }) => losses.push(loss) });
  let bytes;
  const steps = [];
  const controller = new AbortController();
  await train({
    ...options,
    signal: controller.signal,
    onStep({ step, loss }) {
      steps.push(loss);
      if (step === options.steps / 2) controller.abort();
    },
    onCheckpoint: (checkpoint) => {
      bytes = encodeCheckpoint(checkpoint);
    },
  });
  const checkpoint = decodeCheckpoint(bytes);
  const resumed = await train({ ...options, resume: checkpoint, onStep: ({ loss }) => steps.push(loss) });
  losses.push(whole.validationLoss);
  steps.push(resumed.validationLoss);
  if (hash(Float64Array.from(losses)) !== hash(Float64Array.from(steps)))
    throw new Error('a resumed run has other bits');
  return [
    ...losses.map((loss) => hash(Float64Array.of(loss))),
    hash(...[...checkpoint.arrays.values()].map(({ data }) => data)),
  ];
}

const tf = await wasmBackend();
const text = textData('the quick brown fox jumps over the lazy dog. '.repeat(60));
const samples = labelledData(
  Array.from({ length: 400 }, (_, i) => Math.sin(i * i)),
  Array.from({ length: 100 }, (_, i) => (i * i) % 3),
);
const language = {
  name: 'small',
  width: 16,
  layers: 1,
  heads: 2,
  hidden: 24,
  context: 8,
  sequences: 2,
  learningRate: 1e-2,
};
const losses = [];
for (const recipe of [
  recipes.float32(),
  recipes.bitnetTransition({ at: 0.3 }),
  recipes.dqt({ bits: 8 }),
  recipes.nvfp4(),
]) {
  const shared = { tf, recipe, steps: 12, seed: 5, evaluateEvery: 5 };
  losses.push(...(await lossesOf({ ...shared, model: language, data: text })));
}
losses.push(
  ...(await lossesOf({ tf, recipe: recipes.bfloat16(), steps: 12, seed: 5, model: 'mlp', data: samples })),
);

const { Float16Array } = globalThis;
if (Float16Array !== undefined) {
  const half = new Float16Array(x);
  const rounded = Float32Array.from(round(half, 'e4m3fn'));
  if (hash(settled(rounded)) !== hash(settled(round(new Float32Array(half), 'e4m3fn'))))
    throw new Error('a Float16Array has other bits than its numbers');
  for (const result of [round(half, 'e4m3fn'), arithmetic('binary16').sqrt(half)])
    if (!(result instanceof Float16Array)) throw new Error('results of a Float16Array are none');
}
process.stdout.write(`${JSON.stringify({ kernels, losses, halfArrays: Float16Array !== undefined })}\n`);
