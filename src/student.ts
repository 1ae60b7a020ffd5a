/** Student's t, for intervals of 95 % confidence. */

/** Quantiles of Student's distribution for 95 % two-sided confidence, 1 to 30 degrees of freedom (standard tables). */
// biome-ignore format: ten a line
const studentQuantiles = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281,
  2.201, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.093, 2.086,
  2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
];

/**
 * Half the width of the 95 % interval of a mean in standard errors, by Student's t with so many degrees of freedom, from 1. Beyond the
 * table: the expansion of the quantile in 1/nu about the normal one, to second order.
 */
export function studentQuantile(degrees: number): number {
  const z = 1.959964;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  return studentQuantiles[degrees - 1] ?? z + first / degrees + second / degrees ** 2;
}
