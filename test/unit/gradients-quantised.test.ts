/**
 * Gradients through whole quantisers: transforms undone or not, strength, and scales, zero points and levels, against finite
 * differences of what the rules put in place of the quantiser: its rounding errors held fast.
 */
import { describe, expect, it } from 'vitest';
import { codebook } from '../../src/formats/index.ts';
import type { GradientData } from '../../src/quantizers/gradients/index.ts';
import { forEachGroup } from '../../src/quantizers/grouping.ts';
import {
  type Explained,
  type Quantizer,
  type QuantizerOptions,
  quantizer,
  type ScaleOptions,
} from '../../src/quantizers/index.ts';
import {
  clampResidual,
  compose,
  hadamard,
  keepOutliers,
  logShift,
  noise,
  powerExpansion,
  prescale,
  shiftGroups,
  type Transform,
} from '../../src/quantizers/transforms/index.ts';

const shape = [4, 8];
const x = Float64Array.from({ length: 32 }, (_, i) => (((i * 37) % 64) - 31) / 16 + (i === 9 ? 40 : 0));
const g = Float64Array.from({ length: 32 }, (_, i) => ((i * 11) % 7) - 3);

// Gentle powers: differences of the fifteenth are no use.
const squeeze = logShift({ grouping: { per: 'row' }, target: 3, cap: 1.5 });
const expand = powerExpansion({ grouping: { per: 'row' }, range: 32 });
const isCurved = (transform: unknown): boolean => /log|power/.test(JSON.stringify(transform ?? null));
const transforms: readonly Transform[] = [
  hadamard({ size: 8, seed: 3 }),
  hadamard({ size: 4, axis: 0 }),
  prescale({ factor: 0.375 }),
  shiftGroups({ groups: 2 }),
  keepOutliers({ count: 2, grouping: { per: 'row' } }),
  clampResidual({ alpha: 0.8 }),
  squeeze,
  expand,
  noise({ bits: 3, seed: 1 }),
  compose(prescale({ factor: 4 }), hadamard({ size: 4 }), keepOutliers({ count: 1 })),
  compose(squeeze, prescale({ factor: 3 }), expand),
];

/** The central difference, and how far a gradient may be from it. */
function expectSlope(gradient: number, loss: (by: number) => number, h: number, what: string): void {
  const slope = (loss(h) - loss(-h)) / (2 * h);
  expect(Math.abs(gradient - slope), `${what}: ${gradient}, ${slope}`).toBeLessThan(
    1e-6 * (1 + Math.abs(slope)),
  );
}

const dot = (values: ArrayLike<number>): number => g.reduce((sum, each, i) => sum + each * values[i]!, 0);
const names = transforms.map((transform) => [JSON.stringify(transform.toJSON()), transform] as const);

describe('values that stay transformed', () => {
  it.each(names)('%s', (_, transform) => {
    const scale = { per: 'tensor', from: 'constant', value: 0.125 } as const;
    const made = (gradient: GradientData): Quantizer =>
      quantizer({ format: 'int4', transform, invert: false, gradient, scale });
    const plain = made('straight-through');
    const explained = plain.explain(x, shape);
    const { x: straight } = plain.pullback(explained, g);
    const statistics = explained.residue;
    x.forEach((value, i) => {
      // Statistics, outliers and bounds are held fast: those of the moved tensor must be the same.
      const loss = (by: number): number => {
        const moved = x.slice();
        moved[i] = value + by;
        return dot(heldForward(transform, moved, statistics));
      };
      expectSlope(straight[i]!, loss, 2 ** -18, `${i}`);
    });
    // The rule acts on the gradient of the transformed values: here those beyond the range get nothing.
    const { x: masked } = made('clipped').pullback(explained, g);
    const within = g.map((each, i) => (Math.abs(explained.scaled[i]!) <= 7 ? each : 0));
    expect(masked).toEqual(plain.pullback(explained, within).x);
    expect(masked).not.toEqual(straight);
  });

  /** forward with the residue of another tensor. */
  function heldForward(
    transform: Transform,
    moved: Float64Array,
    residue: Explained['residue'],
  ): Float64Array {
    const { values, residue: found } = transform.forward(moved, shape);
    switch (residue.kind) {
      case 'sparse':
        return moved.map((value, i) => (residue.indices.includes(i) ? 0 : value));
      case 'clamped':
        return moved.map((value, i) => {
          const at = residue.indices.indexOf(i);
          return at < 0 ? value : residue.values[at]! > residue.high ? residue.high : residue.low;
        });
      case 'statistics':
        return residue.perGroup === 2
          ? powers(transform, moved, residue.values)
          : noisy(values, moved, found, residue);
      case 'composed': {
        const parts = transformParts(transform);
        return parts.reduce((each, part, i) => heldForward(part, each, residue.parts[i]!), moved);
      }
      default:
        return values;
    }
  }

  /** 2^beta |x|^alpha or (|x| / c)^k by the engine's own power. */
  function powers({ name }: Transform, moved: Float64Array, stored: Float32Array): Float64Array {
    return moved.map((value, i) => {
      const group = Math.floor(i / 8);
      const [power, other] = [stored[2 * group]!, stored[2 * group + 1]!];
      const magnitude =
        name === 'log-shift' ? 2 ** other * Math.abs(value) ** power : (Math.abs(value) / other) ** power;
      return Math.sign(value) * magnitude;
    });
  }

  /** The noise of the steps that were found, in steps of those held fast. */
  function noisy(
    values: Float64Array,
    moved: Float64Array,
    found: Explained['residue'],
    held: Explained['residue'],
  ): Float64Array {
    if (found.kind !== 'statistics' || held.kind !== 'statistics') throw new Error('not noise');
    const ratio = held.values[0]! / found.values[0]!;
    return values.map((value, i) => moved[i]! + (value - moved[i]!) * ratio);
  }

  function transformParts(transform: Transform): readonly Transform[] {
    const found = transforms.find((each) => each === transform);
    return found === transforms[9]
      ? [prescale({ factor: 4 }), hadamard({ size: 4 }), keepOutliers({ count: 1 })]
      : [squeeze, prescale({ factor: 3 }), expand];
  }
});

interface Held {
  /** Values of one unit, one a group. */
  readonly units: Float64Array;
  readonly zeroPoints: Float64Array;
  readonly levels: readonly number[];
}

/** The values with the rounding errors of the elements within the range held fast, and elements outside at its ends. */
function held(made: Quantizer, explained: Explained, { units, zeroPoints, levels }: Held): Float64Array {
  const { low, high, scaled, elements, format } = explained;
  const ranks = new Map(format.bits <= 8 ? format.values().map((value, rank) => [value, rank] as const) : []);
  const values = new Float64Array(x.length);
  forEachGroup(explained.grouping, shape, (group, start, rows, rowStride, columns, columnStride) => {
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        const i = start + r * rowStride + c * columnStride;
        const zero = explained.zeroPoints?.[group] ?? 0;
        const place = scaled[i]! + zero;
        const unit = units[group]!;
        if (made.gradient.name === 'levels') values[i] = unit * levels[ranks.get(elements[i]! + 0)!]!;
        else if (place > low && place < high)
          values[i] = explained.x[i]! + unit * (elements[i]! - zero - scaled[i]!);
        else values[i] = unit * ((place <= low ? low : high) - zeroPoints[group]!);
      }
  });
  return values;
}

/** The loss of what fakeQuantize gives, its values replaced. */
function lossOf(made: Quantizer, explained: Explained, values: Float64Array, invert: boolean): number {
  const { transform, strength } = made;
  const { residue, context } = explained;
  const image =
    transform === undefined || !invert ? values : transform.inverse(values, shape, residue, context);
  return dot(image.map((value, i) => (invert ? x[i]! + strength * (value - x[i]!) : value)));
}

const levels = codebook({ name: 'levels', values: [-1.5, -0.5, 0, 0.25, 1, 2] });
const parameterCases: readonly [string, QuantizerOptions, ((scale: number) => number)?][] = [
  ['rows', { format: 'int4', scale: { per: 'row', from: 'learned' } }],
  [
    'encode factors',
    { format: 'int4', scale: { per: 'row', from: 'learned', stored: 'encode' } },
    (s) => 1 / s,
  ],
  [
    'given encode factors',
    { format: 'int4', scale: { per: 'block', size: 4, from: 'constant', value: 0.75, stored: 'encode' } },
    (s) => 1 / s,
  ],
  [
    'powers of two, prescaled',
    { format: 'e2m1', scale: { per: 'row', from: 'learned', format: 'e8m0', prescale: 0.75 } },
    (s) => s / 0.75,
  ],
  ['statistics', { format: 'int4', scale: { per: 'row', from: 'absmean', stored: 'decode' } }],
  ['zero points', { format: 'uint4', scale: { per: 'row', from: 'learned', initial: 'minmax' } }],
  [
    'given zero points',
    {
      format: 'uint4',
      scale: { per: 'column', from: 'constant', value: 0.25, zeroPoint: [1, 2, 3, 4, 5, 6, 7, 15] },
    },
  ],
  ['floats', { format: 'e5m2', scale: { per: 'tensor', from: 'learned', initial: 'absmax' } }],
  ['levels', { format: levels, gradient: 'levels', scale: { per: 'row', from: 'learned' } }],
];

describe('scales, zero points and levels', () => {
  const settings: readonly [string, Partial<QuantizerOptions>][] = [
    ['whole', {}],
    ['with strength', { strength: 0.375 }],
    ...transforms
      .filter(({ name }) => name !== 'noise')
      .flatMap((transform): [string, Partial<QuantizerOptions>][] => [
        [`through ${JSON.stringify(transform)} with strength`, { transform, strength: 0.375 }],
        [`staying in ${JSON.stringify(transform)}`, { transform, invert: false }],
      ]),
  ];
  it.each(parameterCases)(
    '%s, whole, blended, through transforms',
    (name, options, unitOf = (s: number) => s) => {
      let checked = 0;
      for (const [setting, rest] of settings) {
        const rule: GradientData =
          options.gradient === 'levels' ? 'levels' : { name: 'lsq', normalise: false };
        const made = quantizer({ ...options, ...rest, gradient: rule });
        const { invert = true } = rest;
        const explained = made.explain(x, shape);
        const base: Held = {
          units: Float64Array.from(explained.scales),
          zeroPoints: Float64Array.from(explained.zeroPoints ?? new Float64Array(explained.scales.length)),
          levels: explained.format.bits <= 8 ? explained.format.values() : [],
        };
        const loss = (changed: Partial<Held>): number =>
          lossOf(made, explained, held(made, explained, { ...base, ...changed }), invert);
        const moved = (list: ArrayLike<number>, at: number, value: number): Float64Array =>
          Float64Array.from(list, (each, i) => (i === at ? value : each));
        const { scales, zeroPoints, levels: ofLevels } = made.pullback(explained, g);
        // A root has no derivative at 0.
        if (isCurved(rest.transform) && invert && explained.values.includes(0)) continue;
        checked++;
        scales?.forEach((gradient, group) => {
          const unit = base.units[group]!;
          // What is stored, from the value of one unit.
          const stored =
            unitOf(1) === 1 && unitOf(2) === 2 ? unit : unitOf(2) === 0.5 ? 1 / unit : 0.75 * unit;
          const of = (by: number): number => loss({ units: moved(base.units, group, unitOf(stored + by)) });
          expectSlope(gradient, of, stored * 2 ** -12, `${name}, ${setting}, scale ${group}`);
        });
        zeroPoints?.forEach((gradient, group) => {
          const of = (by: number): number =>
            loss({ zeroPoints: moved(base.zeroPoints, group, base.zeroPoints[group]! + by) });
          expectSlope(gradient, of, 2 ** -10, `${name}, ${setting}, zero point ${group}`);
        });
        ofLevels?.forEach((gradient, rank) => {
          const of = (by: number): number =>
            loss({ levels: [...moved(base.levels, rank, base.levels[rank]! + by)] });
          expectSlope(gradient, of, 2 ** -10, `${name}, ${setting}, level ${rank}`);
        });
        expect(scales !== undefined).toBe(rule !== 'levels');
        expect(ofLevels !== undefined).toBe(rule === 'levels');
        expect(zeroPoints !== undefined).toBe(made.scale.hasZeroPoint);
      }
      expect(checked).toBeGreaterThan(settings.length - 4);
    },
  );

  it('are those of strength 1 times the strength, exactly', () => {
    const scale: ScaleOptions = { per: 'row', from: 'learned', initial: 'minmax' };
    const [whole, quarter, none] = [1, 0.25, 0].map((strength) => {
      const made = quantizer({ format: 'uint4', scale, gradient: 'lsq', strength });
      return made.pullback(made.explain(x, shape), g);
    });
    expect(quarter!.scales).toEqual(whole!.scales!.map((each) => 0.25 * each));
    expect(quarter!.zeroPoints).toEqual(whole!.zeroPoints!.map((each) => 0.25 * each));
    expect([...none!.scales!, ...none!.zeroPoints!].every((each) => each === 0)).toBe(true);
    expect(none!.x).toEqual(g);
  });
});

it('every rule takes groups that are NaN throughout', () => {
  const bad = Float32Array.of(NaN, 1, 2, Infinity);
  for (const gradient of ['straight-through', 'clipped', 'trust', 'dge', 'lsq', 'none', 'levels'] as const) {
    const made = quantizer({ format: 'e2m1', gradient, scale: { per: 'block', size: 2, from: 'absmax' } });
    expect(made.pullback(made.explain(bad), Float32Array.of(1, 1, 1, 1)).x).toHaveLength(4);
  }
});

it('trust masks the same at any size of binary64', () => {
  const made = quantizer({
    format: 'int4',
    gradient: 'trust',
    scale: { per: 'row', from: 'absmax', stored: 'decode', multiplier: 3 },
  });
  const masks = [0, 1000, -900].map((exponent) => {
    const explained = made.explain(x, shape);
    const scaled = (list: ArrayLike<number>): Float64Array =>
      Float64Array.from(list, (value) => value * 2 ** (exponent / 2) * 2 ** (exponent / 2));
    return made.gradient.pullback(
      { ...explained, x: scaled(explained.x), values: scaled(explained.values) },
      g,
    ).x;
  });
  expect(masks[1]).toEqual(masks[0]);
  expect(masks[2]).toEqual(masks[0]);
  expect(masks[0]).not.toEqual(g);
});
