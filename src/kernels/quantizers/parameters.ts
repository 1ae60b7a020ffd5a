/**
 * The constants of the quantiser kernels that place elements: byte offsets into a block of binary32 numbers, read by the planner
 * and by the AssemblyScript sources alike, hence nothing but number constants here.
 */

/** The ends of the elements in use. */
export const lowSlot = 0;
export const highSlot = 4;
/**
 * Equal steps: 1.5 times a power of two whose unit in the last place is the step. Floats: the smallest binade whose own quantum is
 * used, and the way from a binade to the power of two that rounds, in exponent bits.
 */
export const baseSlot = 8;
export const shiftSlot = 12;
/** All bits but the sign, and the exponent field: read from here so that they stay in registers throughout a loop. */
export const magnitudeMaskSlot = 16;
export const exponentMaskSlot = 20;
/** Two levels: added to scaled numbers, +0 takes the sign of a zero away, -0 leaves it; the scale that all groups share. */
export const zeroSlot = 24;
export const commonSlot = 28;

export const parameterBytes = 32;

/** How elements are rounded: to equal steps, to floats, or they have been rounded already. */
export const gridElements = 0;
export const floatElements = 1;
export const givenElements = 2;

/**
 * Kernels of `placeGroups`: elements * 3 + the way out (divided by the group's scale, multiplied by it, multiplied by it and by
 * the common one), ...
 */
export const divided = 0;
export const multiplied = 1;
export const twoLevels = 2;
/** ... and the one that only scales. */
export const scaleOnly = 9;
