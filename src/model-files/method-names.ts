/** Names of the methods after training. What they do is after-methods.ts'. */

/** The methods that `quantizeModel` has beside its quantisers. */
export const afterMethods = [
  'nearest',
  'mse',
  'kmeans',
  'lowRankError',
  'bitmask',
  'minifloat',
  'secondOrder',
] as const;
export type AfterMethod = (typeof afterMethods)[number];
