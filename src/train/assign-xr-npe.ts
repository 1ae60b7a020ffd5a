/** Formats of XR-NPE by sensitivity: the choice of assign-formats.ts among what the engine has, as its recipe reads weights. */
import { checkList, oneOf } from '../check.ts';
import {
  type Assignment,
  type AssignOptions,
  assignFormats,
  type Candidate,
  type SensitiveLayer,
} from './assign-formats.ts';
import { type XrNpeFormat, xrNpeFormats, xrNpeTarget } from './recipes/xr-npe.ts';

/** A format as the recipe reads weights in it. */
export const xrNpeCandidate = (format: XrNpeFormat): Candidate<XrNpeFormat> => ({
  format,
  scale: { per: 'tensor', from: 'absmax', target: xrNpeTarget(format) },
});

/**
 * XR-NPE's formats for layers by what each costs them, within a mean number of bits, as the layers of the recipe.
 * @param bits the most that a weight may have, as a mean over all weights
 * @param formats to choose from; default: all of the engine's
 * @throws ArgumentError as `assignFormats` does, or naming `formats`
 * @example
 * const { formats } = assignXrNpe(sensitiveLayers(readCheckpoint('checkpoint.safetensors')), 6);
 * const recipe = recipes.xrNpe({ layers: formats });
 */
export function assignXrNpe(
  layers: readonly SensitiveLayer[],
  bits: number,
  formats: readonly XrNpeFormat[] = xrNpeFormats,
  options?: AssignOptions,
): Assignment<XrNpeFormat> {
  checkList('formats', formats, 'a list of formats');
  const candidates = formats.map((each) => xrNpeCandidate(oneOf('formats', each, xrNpeFormats)));
  return assignFormats(layers, candidates, bits, options);
}
