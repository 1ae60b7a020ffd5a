/** What a trained array is for. */
export type ParameterRole = 'linear' | 'convolution' | 'embedding' | 'head' | 'norm' | 'gain' | 'bias';

/** Roles of weights whose products have the slots of a phase's `linear`. */
export function isSlotted(role: string): boolean {
  return role === 'linear' || role === 'convolution';
}
