/** What a trained array is for. A router's weight says which experts are asked. */
export type ParameterRole =
  | ('linear' | 'convolution' | 'embedding' | 'head' | 'router')
  | ('norm' | 'gain' | 'bias');

export const parameterRoles: readonly ParameterRole[] = [
  ...(['linear', 'convolution', 'embedding', 'head', 'router', 'norm', 'gain', 'bias'] as const),
];

/** Roles of weights whose products have the slots of a phase's `linear`. */
export function isSlotted(role: string): boolean {
  return role === 'linear' || role === 'convolution';
}
