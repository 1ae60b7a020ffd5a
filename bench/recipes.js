/**
 * What recipes put operands through: nanoseconds an element on kernels, against the scalar definition where there is one by itself.
 * The ratios of whole steps are in `training.js`.
 */
import { round } from '../build/operations/index.js';
import { differentiable, factorsReference } from '../build/quantizers/gradients/differentiable.js';
import { clipped, trust } from '../build/quantizers/gradients/masks.js';
import { quantizer } from '../build/quantizers/index.js';
import { resolveQuantizer, withoutParts } from '../build/quantizers/quantizer-options.js';
import { runQuantizer } from '../build/quantizers/run.js';
import { trackerOf } from '../build/quantizers/tracking.js';
import { clampReference, clampResidual } from '../build/quantizers/transforms/clamp-residual.js';
import { hadamard, rotateReference } from '../build/quantizers/transforms/hadamard.js';
import { logShift, shiftReference } from '../build/quantizers/transforms/log-shift.js';
import { fill, measure } from './measure.js';
import { digits, judge, table } from './report.js';

/** The operand of a product in llama-tiny: 1024 tokens of 96 features. */
const shape = [1024, 96];
const length = 1024 * 96;

const block = /** @type {const} */ ({ per: 'block', size: 32, format: 'e8m0' });
const twoLevels = /** @type {const} */ ({ from: 'absmax', format: 'e4m3fn', tensorScale: true });
const stochastic = /** @type {const} */ ('stochastic');

/** @type {Record<string, any>} */
const quantizers = {
  'MXFP4, stochastic, 3/4': {
    ...{ format: 'e2m1', rounding: stochastic },
    scale: { ...block, from: 'absmax', prescale: 0.75 },
  },
  'MXFP4, aligned': { format: 'e2m1', scale: { ...block, from: 'absmax', prescale: 0.75, gain: 1.009276 } },
  'MXFP4 from std': { format: 'e2m1', scale: { ...block, from: 'std' } },
  'MXFP4 along the other axis': { format: 'e2m1', scale: { ...block, from: 'absmax', axis: 0 } },
  'midrise4 rows, decode scales': {
    format: 'midrise4',
    scale: { per: 'row', from: 'rms', stored: 'decode' },
  },
  'int4 from rms': { format: 'int4', scale: { per: 'row', from: 'rms' } },
  'NVFP4 in tiles': { format: 'e2m1', scale: { ...twoLevels, per: 'tile', rows: 16, columns: 16 } },
  'NVFP4, four over six': {
    format: 'e2m1',
    scale: { ...twoLevels, per: 'block', size: 16, fourOverSix: 'mae' },
  },
  'NVFP4 in tiles, four over six': {
    format: 'e2m1',
    scale: { ...twoLevels, per: 'tile', rows: 16, columns: 16, fourOverSix: 'mae' },
  },
  'MXFP4 from std along the other axis': { format: 'e2m1', scale: { ...block, from: 'std', axis: 0 } },
  'MXFP4 from std in tiles': {
    format: 'e2m1',
    scale: { per: 'tile', rows: 32, columns: 32, format: 'e8m0', from: 'std' },
  },
  'MXFP4, 3/4, in tiles': {
    format: 'e2m1',
    scale: { per: 'tile', rows: 32, columns: 32, format: 'e8m0', from: 'absmax', prescale: 0.75 },
  },
  'int4 from mse': { format: 'int4', scale: { per: 'block', size: 32, from: 'mse' } },
  'MXFP4 from mse': { format: 'e2m1', scale: { ...block, from: 'mse' } },
  'uint8, zero points, a row': { format: 'uint8', scale: { per: 'row', from: 'minmax' } },
  'uint4, zero points, blocks of 32 across rows': {
    format: 'uint4',
    scale: { per: 'block', size: 32, axis: 0, from: 'minmax' },
  },
  'NVFP4, four over six, a tensor': {
    format: 'e2m1',
    scale: { ...twoLevels, per: 'tensor', fourOverSix: 'mae' },
  },
  'e4m3fn, delayed': {
    format: 'e4m3fn',
    scale: { per: 'tensor', from: 'absmax', history: { length: 16 } },
  },
};

/** @param {Float32Array} x @param {any} options */
function byReference(x, options) {
  const resolved = resolveQuantizer(options, withoutParts);
  return runQuantizer(
    x,
    shape,
    { options: resolved, tracker: trackerOf(resolved.scale), fixed: undefined },
    {},
  );
}

/**
 * Masks of gradients, whose definition takes binary64 numbers.
 * @param {Float32Array} x @param {Float32Array} gradient
 * @returns {[string, () => unknown, () => unknown][]}
 */
function masks(x, gradient) {
  const wide = Float64Array.from(gradient);
  const [strict, trusted] = [clipped({ strict: true }), trust()];
  return /** @type {const} */ ([
    ['rows', { per: 'row' }],
    ['columns', { per: 'column' }],
    ['blocks of 32 across rows', { per: 'block', size: 32, axis: 0 }],
    ['tiles', { per: 'tile', rows: 16, columns: 16 }],
    ['a tensor', { per: 'tensor' }],
  ]).flatMap(([name, grouping]) => {
    const explained = quantizer({ format: 'e2m1', scale: { ...grouping, from: 'absmax' } }).explain(x, shape);
    const shifted = { ...explained, zeroPoints: explained.scales };
    return [
      [
        `trust mask, ${name}`,
        () => trusted.pullback(explained, gradient),
        () => trusted.pullback(explained, wide),
      ],
      [
        `strict mask with zero points, ${name}`,
        () => strict.pullback(shifted, gradient),
        () => strict.pullback(shifted, wide),
      ],
      ...(grouping.per === 'row'
        ? [
            [
              'strict mask',
              () => strict.pullback(explained, gradient),
              () => strict.pullback(explained, wide),
            ],
          ]
        : []),
    ];
  });
}

/** Name, the work on kernels, the definition. @returns {[string, () => unknown, (() => unknown)?][]} */
function works() {
  const x = fill(new Float32Array(length));
  const out = new Float32Array(length);
  const gradient = fill(new Float32Array(length));
  const made = Object.entries(quantizers).map(
    ([name, options]) =>
      /** @type {[string, () => unknown, () => unknown]} */ ([
        name,
        (
          (q) => () =>
            q.fakeQuantize(x, shape, out)
        )(quantizer(options)),
        () => byReference(x, options),
      ]),
  );
  const shift = logShift();
  const { values, residue } = shift.forward(x, shape);
  const stored = residue.kind === 'statistics' ? residue.values : new Float32Array(2);
  const shifted = quantizer({
    ...{ format: 'e5m2', scale: { per: 'tensor', from: 'constant', value: 1 } },
    transform: shift,
  });
  const tensor = /** @type {const} */ ({ per: 'tensor' });
  const rows = quantizer({ format: 'e2m1', scale: { per: 'row', from: 'absmax' } });
  const explained = rows.explain(x, shape);
  const slopes = differentiable();
  const signs = /** @type {const} */ ({ size: 32, seed: 1 });
  const [along, across] = [hadamard(signs), hadamard({ ...signs, axis: 0 })];
  const rotated = { outer: 1024, length: 96, inner: 1, size: 32 };
  return [
    ...made,
    [
      'explained',
      () => rows.explain(x, shape),
      () => byReference(x, { format: 'e2m1', scale: { per: 'row', from: 'absmax' } }),
    ],
    [
      'S2FP8',
      () => shifted.fakeQuantize(x, shape, out),
      () =>
        shiftReference(
          round(shiftReference(x, shape, tensor, stored, 'forward'), 'e5m2'),
          shape,
          tensor,
          stored,
          'inverse',
        ),
    ],
    ['log shift', () => shift.forward(x, shape), () => shiftReference(x, shape, tensor, stored, 'forward')],
    [
      'log shift back',
      () => shift.inverse(values, shape, residue),
      () => shiftReference(values, shape, tensor, stored, 'inverse'),
    ],
    ['clamp at quantiles', () => clampResidual().forward(x, shape), () => clampReference(x, -1, 1, out)],
    ...masks(x, gradient),
    [
      'differentiable estimator',
      () => slopes.pullback(explained, gradient),
      () => factorsReference(explained, 5, 3),
    ],
    [
      'random Hadamard-32',
      () => along.forward(x, shape),
      () => rotateReference(Float32Array.from(x), rotated, undefined, true),
    ],
    ['random Hadamard-32 across rows', () => across.forward(x, shape)],
  ];
}

/** @param {{ seconds: number, report: (line: string) => void }} options */
export function benchRecipes({ seconds, report }) {
  return works().map(([name, work, reference]) => {
    report(name);
    const times = measure({ work, ...(reference === undefined ? {} : { reference }) }, { seconds });
    const nanoseconds = (/** @type {number | undefined} */ time) =>
      time === undefined ? Number.NaN : (1e9 * time) / length;
    const { work: ours, reference: scalar } = /** @type {{ work: number, reference?: number }} */ (times);
    return { name, nanoseconds: nanoseconds(ours), reference: nanoseconds(scalar) };
  });
}

/** @param {any[]} rows */
export function recipesTable(rows) {
  return table(
    'What recipes put operands of 1024 x 96 through, ns an element',
    ['what', 'kernels', 'scalar definition', 'times faster'],
    rows.map(({ name, nanoseconds, reference }) => {
      const isAlone = Number.isNaN(reference);
      const compared = isAlone ? ['', ''] : [digits(reference), digits(reference / nanoseconds)];
      return [name, digits(nanoseconds), ...compared];
    }),
  );
}

/** At most so many nanoseconds an element each: what leaves a step of llama-tiny within its ratio. @param {readonly any[]} rows */
export function recipesTargets(rows) {
  const limits = { 'MXFP4, stochastic, 3/4': 10, 'MXFP4 from std': 10, S2FP8: 10, 'clamp at quantiles': 10 };
  return Object.entries(limits).map(([name, most]) => {
    const measured = rows
      .filter((row) => row.name === name)
      .map((row) => ({ label: name, ratio: most / row.nanoseconds }));
    return judge(`${name}: ${most} ns an element against what it takes`, 1, measured);
  });
}
