/**
 * The block of constants that a rounding kernel reads: byte offsets, read by the TypeScript planner and by the
 * AssemblyScript sources alike, hence nothing but number constants here. Each slot is 8 bytes and holds one number of the
 * lane type (binary32 or binary64) or one integer of its width. What they mean: `plan.ts`.
 */

/** Magnitudes are clamped to this before anything else; NaN is not. */
export const clampSlot = 0;
/** The smallest binade whose own quantum is used: a power of two. */
export const floorSlot = 8;
/** Added to the exponent bits of a magnitude to make the magic number whose ulp is the target's quantum. */
export const shiftSlot = 16;
/** All ones; 0 where the target has the lanes' own precision, so that normal numbers stay as they are. */
export const normalMaskSlot = 24;
/** Below this magnitude... */
export const subnormalBelowSlot = 32;
/** ... the magic number is this one. */
export const subnormalMagicSlot = 40;
/** Results below this become zero. */
export const flushBelowSlot = 48;
/** Largest magnitudes of either sign, and what stands for a larger result and for an infinite input. */
export const maximumPositiveSlot = 56;
export const maximumNegativeSlot = 64;
export const overflowPositiveSlot = 72;
export const overflowNegativeSlot = 80;
export const infinityPositiveSlot = 88;
export const infinityNegativeSlot = 96;
/** All ones where a zero keeps its sign. */
export const signedZeroSlot = 104;
/** Directed modes: all ones where an inexact result of that sign goes away from zero. */
export const awayPositiveSlot = 112;
export const awayNegativeSlot = 120;
/** Nearest modes: all ones where a tie goes away from zero, and where it does so if the lower neighbour is odd. */
export const tieAwaySlot = 128;
export const tieOddSlot = 136;
/** Stochastic modes: minus the bits of the magic number, this gives the bits of 2^N / quantum. */
export const scaleSlot = 144;
/** 2^N - 1, as a 32-bit integer in every lane type. */
export const randomMaskSlot = 152;
/** What the fraction must reach beyond the complement of the random integer: 1 (variant A) or 1/2 (B, C). */
export const thresholdSlot = 160;
/** 1 where the fraction must exceed the threshold if that complement is even (variant C), as an integer. */
export const strictSlot = 168;
/** Only the highest of the N random bits, as a 32-bit integer in every lane type (`stochastic-equal`). */
export const highestBitSlot = 176;

/** Bit-pattern kernels: the bits below the target's significand, half of that range less one, the lowest kept bit. */
export const restMaskSlot = 184;
export const halfSlot = 192;
export const lowestBitSlot = 200;

/** All bits but the sign, and the exponent field: read from here so that they stay in registers throughout a loop. */
export const magnitudeMaskSlot = 208;
export const exponentMaskSlot = 216;

/** The clamp that keeps infinities: binary32, an integer, one in the exponent field; binary64, 0. */
export const keepSlot = 224;
/** Quick kernels, which scale by powers of two. The binade beyond the largest number; larger ones count as it. */
export const topSlot = 232;
/** Minus the bits of a binade, this gives the bits of 1/quantum (to odd: of half of that), as an integer. */
export const inverseSlot = 240;
/** Subtracted from the bits of a binade, this gives the quantum, or the quantum in a scale in which overflow is infinity, ... */
export const quantaSlot = 248;

/** Exact kernels, which are all of binary64 lanes. Magnitudes below this are raised to it: 0, or the smallest number of a format without zero. */
export const leastSlot = 256;
/** What zero becomes: 0, or NaN. */
export const zeroResultSlot = 264;
/** 2^-(bits below the target's significand): makes a fraction of these bits. */
export const fractionScaleSlot = 272;
/** Inverts the parity of a normal number, or (all ones) makes every normal number odd. */
export const oddFlipSlot = 280;
export const oddForceSlot = 288;
/** Below this magnitude the neighbours are multiples of one quantum, with C in `subnormalMagicSlot`, ... */
export const fixedBelowSlot = 296;
/** ... and the fraction is the rest times both of these. */
export const fixedScale1Slot = 304;
export const fixedScale2Slot = 312;
/** All ones where the lower of them always counts as odd. */
export const fixedOddSlot = 320;
/** Or, if this is not 0: the neighbours there are 0 and this number, which is no power of two. A quotient keeps the bits of the mask. */
export const minimumSlot = 328;
export const quotientMaskSlot = 336;
/** 2^N. */
export const randomScaleSlot = 344;
/** Two's-complement wrap, unless the period is 0: 2^bits steps, its inverse, half of it, the magnitude from which on all is 0. */
export const wrapPeriodSlot = 352;
export const wrapInverseSlot = 360;
export const wrapHalfSlot = 368;
export const wrapLimitSlot = 376;
/** All ones where wrapped numbers are signed. */
export const wrapSignedSlot = 384;

/** Where the tables of the format are, a 32-bit pointer; all that follows are 32-bit integers. */
export const tableSlot = 392;
/**
 * Lists: where in the tables the numbers to search and the values are (in bytes; the buckets come first), steps of the
 * search, the shift and the ends of the bucket's key, the index of the last value.
 */
export const searchedSlot = 396;
export const valuesSlot = 400;
export const stepsSlot = 404;
export const keyShiftSlot = 408;
export const keyLowSlot = 412;
export const keyHighSlot = 416;
export const lastSlot = 420;
/** Posits: the exponent field of the smallest number. */
export const firstBinadeSlot = 424;
/** Elements left to the caller: how many, where their indices go, and the index of the first element. */
export const deferredCountSlot = 428;
export const deferredListSlot = 432;
export const deferredBaseSlot = 436;

/** Codes, all integers of the lanes' width unless said otherwise. A 32-bit shift between a significand field and the lanes' own. */
export const fieldShiftSlot = 440;
/** The difference of the exponent fields' biases, in units of the code. */
export const rebiasSlot = 448;
export const infinityCodeSlot = 456;
export const nanCodeSlot = 464;
/** The sign bit of a code, or 0. */
export const signBitSlot = 472;
/** Grids: a number times this (a number of the lane type) is the integer; the bits of a code. */
export const gridScaleSlot = 480;
export const codeMaskSlot = 488;
/** Decoding. Codes of magnitudes below this are worth quanta (a number of the lane type); the largest finite one. */
export const fixedBelowCodeSlot = 496;
export const quantumSlot = 504;
export const largestCodeSlot = 512;
/** The bits of a magnitude, and those that must be 0. */
export const magnitudeBitsSlot = 520;
export const paddingSlot = 528;
/** 32-bit integers: how far the sign bit is from the lanes', how far a grid's code is from filling a lane, a posit's bits and es. */
export const signMoveSlot = 536;
export const gridMoveSlot = 540;
export const positBitsSlot = 544;
export const positEsSlot = 548;
/** All ones where a grid's codes are signed; the smallest number of a grid. */
export const gridSignedSlot = 552;
export const gridLeastSlot = 560;

/** ... and this undoes that scale. */
export const unscaleSlot = 568;
/** What the rounding to integers adds: 1/2 or the number just below (ties), 1 (stochastic). */
export const roundSlot = 576;
/** Stochastic: 2^N, and what the fraction times that must reach where the random integer is 0; less it, otherwise. */
export const drawScaleSlot = 584;
export const boundSlot = 592;
/** Composed kernels: the inverse of the subnormal numbers' quantum (to odd: half of that), and the quantum. */
export const fixedInverseSlot = 600;
export const fixedQuantumSlot = 608;
/** Bit-pattern kernels, 32-bit integers: how far the random integer moves to the left, then to the right; what is added besides. */
export const drawLeftSlot = 616;
export const drawRightSlot = 620;
export const drawAddedSlot = 624;
/** The bits that such a kernel keeps. */
export const cutMaskSlot = 632;
/** The smallest number; both limits as the clamp that keeps infinities wants them: binary32, with `keepSlot` added to the bits. */
export const lowerLimitSlot = 640;
export const keptUpperSlot = 648;
export const keptLowerSlot = 656;

/** Where the last few elements of an array go, as kernels want a multiple of 32 bytes: 32 bytes of values, 32 of randomness. */
export const tailSlot = 672;

export const parameterBytes = 736;

/** A job: the parameter block, and behind it what is to be rounded, all 32-bit words but where it says otherwise. Kernel, log2 of an element's bytes, ... */
export const jobKernelSlot = 736;
export const elementShiftSlot = 740;
/** ... pointers to element 0, whether or not a piece has it, ... */
export const jobSourceSlot = 744;
export const jobDestinationSlot = 748;
/** ... where random integers come from, where the supplied ones lie or room is for drawn ones, how many bits they have; ... */
export const randomSourceSlot = 752;
export const noRandom = 0;
export const drawnRandom = 1;
export const suppliedRandom = 2;
export const randomSlot = 756;
export const randomBitsSlot = 760;
/** ... of 64 bits: the index of element 0 in the stream, stream and seed. */
export const indexSlot = 768;
export const streamSlot = 776;
export const seedSlot = 784;

export const jobBytes = 832;

/** Random integers that are drawn at a time: 8 KiB stay in the first-level cache with the values. A multiple of 16. */
export const randomChunk = 2048;

/** A kernel that takes every option has the number lanes * kinds + kind. Lanes: binary32, binary32 arrays in binary64 lanes, binary64. */
export const lanes32 = 0;
export const lanes32in64 = 1;
export const lanes64 = 2;

/** Kinds, by what decides between the two neighbours; those from `kindStochastic` on read random integers. */
export const kinds = 5;
export const kindNearest = 0;
export const kindDirected = 1;
export const kindOdd = 2;
export const kindStochastic = 3;
export const kindEqual = 4;

/** Kernels of binary64 lanes that take every format: exactBase + (0 for binary32 arrays, 1 for binary64) * kinds + kind. */
export const exactBase = 42;
/** Lists: listBase + (0 or 1) * 4 + one of these. */
export const listBase = 52;
export const listThresholds = 0;
export const listSmall = 1;
export const listStochastic = 2;
export const listEqual = 3;
/** Posits: positBase + (0 or 1) * 2 + (0 nearest, 1 stochastic). */
export const positBase = 60;

/**
 * A kernel of the common cases (a float with signed zeros and a symmetric range, subnormals kept) has the number
 * quickBase + (family * quickModes + mode) * quickEnds + end. Families: binary32 lanes, binary64 lanes, binary32 bit patterns.
 */
export const quickBase = 64;
export const quickModes = 16;
export const quickEnds = 8;
export const quick32Family = 0;
export const quick64Family = 1;
export const pattern32Family = 2;

/** On bit patterns `quickNearestAway` is away from zero and ties to zero too: the constant that it adds differs. */
export const quickNearestEven = 0;
export const quickNearestAway = 1;
export const quickNearestToZero = 2;
export const quickUp = 3;
export const quickDown = 4;
export const quickAway = 5;
export const quickTowardZero = 6;
export const quickOdd = 7;
/** Few enough bits for the lanes, variants A and B; and all others. */
export const quickStochastic = 8;
export const quickStochasticAny = 9;
/** Added to `quickTowardZero` and `quickOdd`: the kernels that compose two roundings. */
export const composedModes = 8;

/** The ends of the range. All is clamped to the largest number; ... */
export const endClamped = 0;
/** ... what exceeds it becomes infinity; NaN; ... */
export const endInfinite = 1;
export const endExceeded = 2;
/** ... finite numbers are clamped, infinities stay, or become NaN; ... */
export const endKept = 3;
export const endNaN = 4;
/** ... the same, but what exceeds the range on the side of the direction becomes infinity, or NaN. */
export const endKeptOutward = 5;
export const endNaNOutward = 6;

/** The most values of a list that is compared with every one of its thresholds. */
export const smallList = 16;
/** Bytes of a posit's binade: C or 0; else the least number that goes up, the lower and the upper neighbour. */
export const binadeShift = 5;

/** Encoders and decoders, by the array's and the lanes' type: binary32, binary32 by way of binary64 lanes, binary64. */
export const codecFloat = 0;
export const codecGrid = 3;
export const codecPosit = 6;
export const codecList = 9;
