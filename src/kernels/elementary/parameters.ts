/**
 * The block of the kernels of elementary functions, behind the constants of the rounding: byte offsets from there, read by the planner
 * and by the AssemblyScript sources alike, hence nothing but number constants here. All are 32-bit words.
 */

/** Which function, and by what the rounding decides between two neighbours: one of the first three kinds of `layout-rounding`, or this. */
export const functionSlot = 0;
export const kindSlot = 4;
/** Binary32 as the hardware rounds to it. */
export const kindNative = 3;
/** Pointers to element 0 of arguments and results, log2 of the bytes of an element of either. */
export const sourceSlot = 8;
export const destinationSlot = 12;
export const shiftSlot = 16;
/** Where the polynomials of erf x / x lie. */
export const tableSlot = 20;

export const blockBytes = 32;

export const functionExp = 0;
export const functionLog = 1;
export const functionSin = 2;
export const functionCos = 3;
export const functionTanh = 4;
export const functionErf = 5;

/** erf x / x from 0 on: so many polynomials to a unit of x, of so many coefficients each, and so many of them. From the last one's end on erf is 1. */
export const piecesPerUnit = 8;
export const coefficients = 12;
export const pieces = 52;
