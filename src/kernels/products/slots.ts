/**
 * The block that a product kernel reads: byte offsets, read by the TypeScript planner and by the AssemblyScript sources
 * alike, hence nothing but number constants here. Slots are 32-bit words unless said otherwise; what they mean for a plan:
 * `product-planner.ts`. Every operand element is of 2^shift bytes, 2 or 3.
 */

export const kernelSlot = 0;
/** Pointers of op(a), op(b) and the result, and log2 of their bytes an element. */
export const aSlot = 4;
export const bSlot = 8;
export const outSlot = 12;
export const aShiftSlot = 16;
export const bShiftSlot = 20;
export const outShiftSlot = 24;
/** out (m x n) = op(a) (m x k) op(b) (k x n). */
export const mSlot = 28;
export const nSlot = 32;
export const kSlot = 36;
export const transposeASlot = 40;
export const transposeBSlot = 44;
/** Bytes from one row of an operand as it is stored to the next, and from one matrix of a batch to the next. */
export const rowBytesASlot = 48;
export const rowBytesBSlot = 52;
export const batchBytesASlot = 56;
export const batchBytesBSlot = 60;
/** Extents of the packed blocks, in elements. */
export const blockMSlot = 64;
export const blockNSlot = 68;
export const blockKSlot = 72;
/** Work is handed out in tiles of rows, or of columns where this is 1. */
export const byColumnsSlot = 76;
/** Scratch memory: its pointer, its bytes for each piece of the work, and units of work a piece. */
export const scratchSlot = 80;
export const scratchBytesSlot = 84;
export const pieceSlot = 88;
/** Whether products are rounded; how sums are made; whether they are made as a tree. */
export const roundProductsSlot = 92;
export const sumSlot = 96;
export const pairwiseSlot = 100;
/** The parameter block of the rounding. */
export const parametersSlot = 104;
/** Random bits, and bits of Philox that one draw takes: 8, 16 or 32; 0 for none. */
export const randomBitsSlot = 108;
export const drawBitsSlot = 112;
/** Draws from one output to the next. */
export const drawStrideSlot = 116;
/** Index of the first draw of the first output, and the streams and seed: 64 bits each. */
export const indexSlot = 120;
export const productStreamSlot = 128;
export const sumStreamSlot = 136;
export const seedSlot = 144;
/** The sign bit of a binary64 number where sums are made of negated terms and negated again, 64 bits; it gives -0 for x - x. */
export const flipSlot = 152;
/** The power of two and a half that cuts a product in two parts, a binary64 number. */
export const splitSlot = 160;

/** Where the second parts of sums in two numbers go, laid out as the result. */
export const out2Slot = 168;

/** Binary32 kernels that round every step. The smallest normal number, or 0 where no product but 0 is below it. */
export const floorSlot = 172;
/** Added to exponent bits to make the magic number. */
export const shiftSlot = 176;
/** The largest number, and what stands for a larger result and for an infinite one, of either sign. */
export const maximumSlot = 180;
export const overflowSlot = 184;
export const overflowNegativeSlot = 188;
export const infinitySlot = 192;
export const infinityNegativeSlot = 196;
/** Magnitudes from here on are looked at closely; all ones but the sign if none need be. */
export const suspectSlot = 200;
/** The exponent field of a binary32 number, from memory so that it stays in a register. */
export const exponentMaskSlot = 204;
/** What is added to patterns: one of the next two, or random integers, if it is the bits of a draw. */
export const addsSlot = 208;
/** A number by sign; what makes an inexact number odd. */
export const addsConstant = 0;
export const addsOdd = 1;
/** The bits that are kept. */
export const dropMaskSlot = 212;
/** What is added to positive numbers, or with random integers; its exclusive or with what is added to negative ones. */
export const addPositiveSlot = 216;
export const addNegativeSlot = 220;
/** The bits of random integers that count; how far they are moved: by a product (draws of 8 bits) or to the right. */
export const randomMaskSlot = 224;
export const randomScaleSlot = 228;
export const randomMoveSlot = 232;
/** 1 where random integers have more bits than a cut sum. */
export const wideSlot = 236;

/** Whether sums begin with what is where they go, instead of +0. */
export const startsSlot = 240;

/** Matrix units. How a step adds up; products a step, steps of k an instruction; whether subnormals count as zero. */
export const stepSlot = 244;
export const groupSlot = 248;
export const instructionSlot = 252;
export const flushesSlot = 256;
/** Whether products may be 2^128 or more; whether results are rounded to nearest, else toward zero. */
export const overflowsSlot = 260;
export const nearestSlot = 264;
/** Binary64 numbers: 2^F for F fraction bits of aligned terms; the smallest normal numbers of operands, addend and result. */
export const fractionsSlot = 272;
export const operandLeastSlot = 280;
export const addendLeastSlot = 288;
export const resultLeastSlot = 296;
/** The largest result; the power of two above it. */
export const resultMaximumSlot = 304;
export const resultLimitSlot = 312;
/** The kept bits of a result that is cut; the magic number of 1, a binary64 number, for one to nearest. */
export const resultMaskSlot = 320;
export const resultMagicSlot = 328;

/** Pointers of supplied random integers of products and of sums, one for each draw; 0 where they are made. */
export const productSuppliedSlot = 336;
export const sumSuppliedSlot = 340;

/** Small integers times powers of two: one over the power of either operand, and the power of products; binary32 numbers. */
export const scaleASlot = 344;
export const scaleBSlot = 348;
export const unitSlot = 352;

/** Where op(b) lies packed as a whole, for all pieces; 0 where each packs it for itself. Whether the pieces' work is to pack it. */
export const packedSlot = 356;
export const packsSlot = 360;

/** Formats that numbers are split for: 2^(24 - p), and that plus 1; binary32 numbers. */
export const splitPowerSlot = 364;
export const splitFactorSlot = 368;
/** The last kept bit of a pattern. */
export const lastPlaceSlot = 376;

/**
 * Aligned steps whose largest exponents lie between these 16-bit integers have sums that are no smaller than the quantum of the
 * result's format and no larger than its largest number.
 */
export const lowExponentSlot = 372;
export const highExponentSlot = 374;

export const blockBytes = 384;

/** Kernels. */
export const plain32 = 0;
export const nearest32 = 1;
export const pattern32 = 2;
export const plain64 = 3;
/** The steps of a matrix unit, in binary64 lanes. */
export const unit64 = 4;
/** Sums of products of small integers. */
export const integer32 = 5;
/** Every step rounded to nearest even where no end of the format is within reach. */
export const split32 = 6;
/** Of binary64 lanes, that round as a kernel of `../parameters` does: this plus its number; or not at all. */
export const general64 = 16;
export const unrounded64 = 15;

/** Sums: rounded as the hardware made them; made odd first; kept exactly in one number; in two. */
export const sumNearest = 0;
export const sumOdd = 1;
export const sumExact = 2;
export const sumSplit = 3;

/** Steps of matrix units: see `StepKind` of `src/products/matrix-units.ts`. */
export const stepAligned = 0;
export const stepBlocks = 1;
export const stepFloored = 2;
export const stepHalves = 3;
export const stepPairwise = 4;
