/**
 * Quantisation-aware training for an engine of 4-bit floats and posits, a format for each layer; a configuration and nothing more.
 * Source: "XR-NPE: high-throughput mixed-precision SIMD neural processing engine for extended reality perception workloads", arXiv
 * 2508.13049 (formats, layer-adaptive precision, averages of the largest magnitudes). How layers get their formats:
 * `src/train/assign-formats.ts`.
 */
import { maybe, record, word } from '../../schema.ts';
import type { LinearSlots, OperandSpec } from '../linear-slots.ts';
import type { Recipe } from '../recipe.ts';
import { checkOptions, optionsOf, partOf, phase, type RecipeOptions, recipe } from './base.ts';

/** A format of the engine. */
export type XrNpeFormat = 'e2m1' | 'posit(4,1)' | 'posit(8,0)' | 'posit(16,1)';

/** The formats of the engine, the narrowest first. */
export const xrNpeFormats: readonly XrNpeFormat[] = ['e2m1', 'posit(4,1)', 'posit(8,0)', 'posit(16,1)'];

const format = word(xrNpeFormats);
const xrNpeOptions = optionsOf({
  format: maybe(format),
  layers: maybe(record(format, 'formats by globs on the names of layers')),
});

/** What XR-NPE's training accepts. */
export interface XrNpeOptions extends RecipeOptions {
  /** Of the layers that `layers` does not name. Default `'posit(8,0)'`. */
  readonly format?: XrNpeFormat;
  /** Formats by globs on layers' names, later ones win; `assignXrNpe` makes them of a model's sensitivities. Default: none. */
  readonly layers?: Readonly<Record<string, XrNpeFormat>>;
}

/**
 * The element that the average of the largest magnitudes becomes. Posits are densest about 1: 4 leaves a normal tensor's bulk there, and
 * has the least squared error of the powers of two for each of these posits; 6 is the float's largest.
 */
export const xrNpeTarget = (name: XrNpeFormat): number => (name === 'e2m1' ? 6 : 4);

/**
 * XR-NPE: weights and activations in 4-bit floats or posits, layer by layer, with scales from moving averages; backward products read
 * the forward images and unrounded gradients.
 * @throws ArgumentError if an option is not valid.
 * @example
 * const recipe = recipes.xrNpe({ layers: { '*.mlp.*': 'posit(4,1)', 'layers.0.**': 'e2m1' } });
 */
export function xrNpe(options: XrNpeOptions = {}): Recipe {
  checkOptions(xrNpeOptions, options);
  const { format: usual = 'posit(8,0)', layers = {} } = options;
  const forward = (name: XrNpeFormat): { readonly x: OperandSpec; readonly w: OperandSpec } => {
    const averaged: OperandSpec = {
      format: name,
      scale: { per: 'tensor', from: 'absmax', decay: 0.99, target: xrNpeTarget(name) },
    };
    return { x: averaged, w: averaged };
  };
  const slots: LinearSlots = {
    forward: forward(usual),
    inputGradient: { g: null, w: 'same' },
    weightGradient: { g: null, x: 'same' },
  };
  const named = Object.entries(layers);
  const mixed = named.length === 0 ? '' : '-mixed';
  const made = recipe(
    `xr-npe-${partOf(usual)}${mixed}`,
    `weights and activations in ${usual}${named.map(([layer, own]) => `, ${layer} in ${own}`).join('')}`.slice(
      0,
      500,
    ),
    [phase(0, slots)],
    options,
  );
  if (named.length === 0) return made;
  return {
    ...made,
    rules: named.map(([layer, own]) => ({ where: { layer }, set: { forward: forward(own) } })),
  };
}
