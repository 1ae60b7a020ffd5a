/**
 * The block that an arithmetic kernel reads: byte offsets, read by the TypeScript planner and by the AssemblyScript sources
 * alike, hence nothing but number constants here. Pointers and counts are 32-bit words. What they mean: `plan.ts`.
 */

/** Number of the kernel that makes intermediates, and log2 of the bytes of an operand, an intermediate and a result. */
export const kernelSlot = 0;
export const operandShiftSlot = 4;
export const workShiftSlot = 8;
export const outShiftSlot = 12;
/** The kernel of `../assembly/rounding` that rounds intermediates, or -1, and its parameter block. */
export const roundKernelSlot = 16;
export const roundParametersSlot = 20;
/** Operands and result, and the bytes from one element of an operand to the next: 0 where a chunk's worth of it stays. */
export const aSlot = 24;
export const bSlot = 28;
export const cSlot = 32;
export const outSlot = 36;
export const aStepSlot = 40;
export const bStepSlot = 44;
export const cStepSlot = 48;
/** Where a chunk's intermediates go, and room for its random integers. */
export const workSlot = 52;
export const randomSlot = 56;
/** Where those come from: none, drawn, or lying there. */
export const randomSourceSlot = 60;
export const noRandom = 0;
export const drawnRandom = 1;
export const suppliedRandom = 2;
/** Random bits, and index of element 0, stream and seed, of 64 bits each. */
export const randomBitsSlot = 64;
export const indexSlot = 72;
export const streamSlot = 80;
export const seedSlot = 88;
/** Lane constants of 8 bytes. The sign bit where sums are made of negated operands and negated again. */
export const flipSlot = 96;
/** NaN where a number divided by zero is that, else 0. */
export const zeroDivisorSlot = 104;
/** The sign bit where a divisor of -0 counts as 0, else 0. */
export const unsignedZeroSlot = 112;
/** Checked kernels: masks by which a result between two neighbours goes away from zero, ... */
export const awayPositiveSlot = 120;
export const awayNegativeSlot = 128;
export const oddSlot = 136;
export const nearestSlot = 144;
export const tieSlot = 152;
export const tieAwaySlot = 160;
/** ... the smallest result that they decide, how many elements they left to the caller, and the list of these. */
export const leastSlot = 168;
export const deferredCountSlot = 176;
export const deferredListSlot = 180;
/** Membership: kernel and parameter block that round an operand; bit i is set where operand i is to be checked. */
export const memberKernelSlot = 184;
export const memberParametersSlot = 188;
export const checkedOperandsSlot = 192;
/**
 * The kernel that rounds in its own loop, if this job takes one, or -1; 1 where its results go to the scratch first, as the
 * result is an operand.
 */
export const joinedSlot = 196;
export const isInPlaceSlot = 200;
/** Set to 1 where a chunk is to be done anew by the kernels that do everything. */
export const redoSlot = 204;
/** Fused kernels, constants of binary32 lanes: all bits but the sign, the exponent field, */
export const fusedMagnitudesSlot = 320;
export const fusedExponentsSlot = 328;
/** bit patterns: what results are clamped to; the largest number, what a larger result becomes, */
export const fusedClampSlot = 336;
export const fusedMaximumSlot = 344;
export const fusedTopSlot = 352;
/** the smallest binade, what makes a magic number of a binade; bit patterns: the discarded bits, half of their range less one, the lowest kept bit. */
export const fusedFloorSlot = 360;
export const fusedShiftSlot = 368;
export const fusedRestSlot = 376;
export const fusedHalfSlot = 384;
export const fusedLowestSlot = 392;
/** The power of two whose last bit is worth the smallest number. */
export const fusedAnchorSlot = 408;
/** Whether binary32 operands can be looked at by these constants: not, by the anchor, by bit patterns. */
export const lookSlot = 404;
export const noLook = 0;
export const lookByAnchor = 1;
export const lookByPattern = 2;
/** Set to 1 where an operand may be no number of the format. */
export const suspectSlot = 400;
/** The last few elements of operands that fill no vector, and what comes of them: 16, 16, 16 and 32 bytes. */
export const tailSlot = 208;

/**
 * Joined kernels, constants of binary32 lanes: the sign bit, the exponent field, what is laid over the signs of sums and of
 * second operands, ...
 */
export const joinedSignSlot = 416;
export const joinedExponentsSlot = 420;
export const joinedFlipSlot = 424;
export const joinedFlipSecondSlot = 428;
/** ... all ones where results of a sign go away from zero, the discarded bits, the others, the largest number, ... */
export const joinedAwayPositiveSlot = 432;
export const joinedAwayNegativeSlot = 436;
export const joinedRestSlot = 440;
export const joinedMaskSlot = 444;
export const joinedLimitSlot = 448;
/** ... a scale in which overflow is infinity, and its inverse, ... */
export const joinedScaleSlot = 452;
export const joinedUnscaleSlot = 456;
/** ... what moves a random integer to the discarded bits: a factor to the left, a number of bits to the right, ... */
export const joinedDrawFactorSlot = 460;
export const joinedDrawShiftSlot = 464;
/** ... its lower bits and what scales them, what scales its upper 16 bits, all its bits, ... */
export const joinedLowMaskSlot = 468;
export const joinedLowScaleSlot = 472;
export const joinedHighScaleSlot = 476;
export const joinedRandomMaskSlot = 480;
/** ... 2^22, which with 2^128 / 2^exponent scales a tail, 1, a number smaller than any scaled tail that matters, ... */
export const joinedTailScaleSlot = 484;
export const joinedOneSlot = 488;
export const joinedTinySlot = 492;
/** ... what keeps a product from becoming 0, and the size from which on it is exact, ... */
export const joinedWidenSlot = 496;
export const joinedLeastSlot = 500;
/** ... and as in the blocks of roundings by multiples of the quantum. */
export const joinedFloorSlot = 504;
export const joinedTopSlot = 508;
export const joinedInversesSlot = 512;
export const joinedQuantaSlot = 516;

/**
 * Fused multiply-adds: what a binade is taken from to give the inverse of its quantum, what it is multiplied by to give the quantum
 * in the scale of that end of the range, the inverse of the scale, ...
 */
export const fusedInversesSlot = 520;
export const fusedQuantaSlot = 524;
export const fusedUnscaleSlot = 528;
/** ... one half; on bit patterns, the largest pattern of a number. */
export const fusedHalfOneSlot = 532;
export const fusedFiniteSlot = 536;
/** Operands that are looked at: the magnitude's bits but the discarded ones. */
export const fusedKeptSlot = 540;

export const blockBytes = 544;

/** Elements that go through all steps together, in the first-level cache. */
export const chunk = 1024;
/** Bytes of an element left to the caller: its index, in 8 bytes, and three operands. */
export const deferredBytes = 32;

export const operationAdd = 0;
export const operationSub = 1;
export const operationMul = 2;
export const operationDiv = 3;
export const operationSqrt = 4;
export const operationFma = 5;

/** A kernel has the number (lanes * 6 + operation) * 5 + form. Lanes: binary32, binary32 arrays in binary64 lanes, binary64. */
export const lanes32 = 0;
export const lanes32in64 = 1;
export const lanes64 = 2;

/** The hardware's nearest result. */
export const formPlain = 0;
/** Rounded to odd; a product must be exact in the lanes. */
export const formOdd = 1;
/** Rounded to odd, with products and divisors of up to 53 bits. */
export const formPair = 2;
/** Binary32 lanes, rounded to odd, for operands of up to 12 bits whose results may leave binary32's range. */
export const formGuarded = 3;
/** As `formPair`, in any direction; what lies too near the ends of binary64's range is left to the caller. */
export const formChecked = 4;
export const forms = 5;

/** Ends of the range: overflow carries to infinity, is clamped, becomes infinity in another scale, or NaN. */
export const naturalEnd = 0;
export const clampedEnd = 1;
export const scaledEnd = 2;
export const exceededEnd = 3;

/**
 * A kernel that looks at operands, operates and rounds to nearest even in one loop has the number fusedBase + (0 add, 1 sub,
 * 2 mul) * 4 + 2 for bit patterns + 1 where results are clamped. Fused multiply-adds: the end is added, and 4 where they
 * look at operands; those on bit patterns always do.
 */
export const fusedBase = 128;
export const fusedPatternFmaBase = 140;
export const fusedMagicFmaBase = 142;

/** Joined kernels. Directed sums, quotients and roots: the end is added, natural or clamped; roots have the natural one. */
export const joinedBase = 160;
export const directedDivBase = 182;
export const directedSqrtBase = 184;
/**
 * Stochastic, + 1 where a random integer has more bits than are discarded: sums (this + 2 end), products and fused
 * multiply-adds (the same, natural or clamped), fused multiply-adds by multiples of the quantum (this).
 */
export const drawnSumBase = 162;
export const drawnProductBase = 168;
export const drawnFmaBase = 172;
export const drawnUnitsBase = 176;
