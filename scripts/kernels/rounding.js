/** The manifest of `src/kernels/assembly/rounding`. What the constants of a format are: `src/kernels/rounding-planner.ts` and its helpers. */
import { count, dispatcher, each, end, longs, number, room, words } from './layout.js';

const block = [
  longs('clamp', 'Magnitudes are clamped to this before anything else; NaN is not.'),
  longs('floor', 'The smallest binade whose own quantum is used: a power of two.'),
  longs(
    'shift',
    "Added to the exponent bits of a magnitude to make the magic number whose ulp is the target's quantum.",
  ),
  longs(
    'normalMask',
    "All ones; 0 where the target has the lanes' own precision, so that normal numbers stay as they are.",
  ),
  longs('subnormalBelow subnormalMagic', 'Below this magnitude the magic number is this one.'),
  longs('flushBelow', 'Results below this become zero.'),
  longs(
    'maximumPositive maximumNegative overflowPositive overflowNegative infinityPositive infinityNegative',
    'Largest magnitudes of either sign, and what stands for a larger result and for an infinite input.',
  ),
  longs('signedZero', 'All ones where a zero keeps its sign.'),
  longs(
    'awayPositive awayNegative',
    'Directed modes: all ones where an inexact result of that sign goes away from zero.',
  ),
  longs(
    'tieAwayPositive tieAwayNegative tieOdd',
    'Nearest modes: all ones where a tie of that sign goes away from zero; where the opposite holds if the lower neighbour is odd.',
  ),
  longs(
    'scale',
    'Stochastic modes: minus the bits of the magic number, this gives the bits of 2^N / quantum.',
  ),
  longs('randomMask', '2^N - 1, as a 32-bit integer in every lane type.'),
  longs(
    'threshold',
    'What the fraction must reach beyond the complement of the random integer: 1 (variant A) or 1/2 (B, C).',
  ),
  longs(
    'strict',
    '1 where the fraction must exceed the threshold if that complement is even (variant C), as an integer.',
  ),
  longs(
    'highestBit',
    'Only the highest of the N random bits, as a 32-bit integer in every lane type (`stochastic-equal`).',
  ),

  longs(
    'restMask half lowestBit',
    "Bit-pattern kernels: the bits below the target's significand, half of that range less one, the lowest kept bit.",
  ),
  longs(
    'magnitudeMask exponentMask',
    'All bits but the sign, and the exponent field: read from here so that they stay in registers throughout a loop.',
  ),

  longs(
    'keep',
    'The clamp that keeps infinities: binary32, an integer, one in the exponent field; binary64, 0.',
  ),
  longs(
    'top',
    'Quick kernels, which scale by powers of two. The binade beyond the largest number; larger ones count as it.',
  ),
  longs(
    'inverse',
    'Minus the bits of a binade, this gives the bits of 1/quantum (to odd: of half of that), as an integer.',
  ),
  longs(
    'quanta',
    'Subtracted from the bits of a binade, this gives the quantum, or the quantum in a scale in which overflow is infinity; `unscale` undoes it.',
  ),

  longs(
    'least',
    'Exact kernels, which are all of binary64 lanes. Magnitudes below this are raised to it: 0, or the smallest number of a format without zero.',
  ),
  longs('zeroResult', 'What zero becomes: 0, or NaN.'),
  longs('fractionScale', "2^-(bits below the target's significand): makes a fraction of these bits."),
  longs(
    'oddFlip oddForce',
    'Inverts the parity of a normal number, or (all ones) makes every normal number odd.',
  ),
  longs(
    'fixedBelow',
    'Below this magnitude the neighbours are multiples of one quantum, with C in `subnormalMagic`, ...',
  ),
  longs('fixedScale1 fixedScale2', '... and the fraction is the rest times both of these.'),
  longs('fixedOdd', 'All ones where the lower of them always counts as odd.'),
  longs(
    'minimum quotientMask',
    'Or, if this is not 0: the neighbours there are 0 and this number, which is no power of two. A quotient keeps the bits of the mask.',
  ),
  longs('randomScale', '2^N.'),
  longs(
    'wrapPeriod wrapInverse wrapHalf wrapLimit',
    "Two's-complement wrap, unless the period is 0: 2^bits steps, its inverse, half of it, the magnitude from which on all is 0.",
  ),
  longs('wrapSigned wrapKeepsSign', 'All ones where wrapped numbers are signed; where they keep their sign.'),
  longs('jam', 'To odd: all ones where exact numbers become odd too, but zeros do not (jamming).'),
  longs(
    'jamInverse jamPeriod',
    "Jamming in two's complement, unless this is 0: numbers become odd multiples of the step, by 1 / step and 2 steps.",
  ),

  words('table', 'Where the tables of the format are, a pointer.'),
  words(
    'searched values steps keyShift keyLow keyHigh last',
    "Lists: where in the tables the numbers to search and the values are (in bytes; the buckets come first), steps of the search, the shift and the ends of the bucket's key, the index of the last value.",
  ),
  words('firstBinade', 'Posits: the exponent field of the smallest number.'),
  words(
    'deferredCount deferredList deferredBase',
    'Elements left to the caller: how many, where their indices go, and the index of the first element.',
  ),

  longs(
    'fieldShift',
    "Codes, all integers of the lanes' width unless said otherwise. A 32-bit shift between a significand field and the lanes' own.",
  ),
  longs(
    'rebias infinityCode nanCode',
    "The difference of the exponent fields' biases, in units of the code.",
  ),
  longs('signBit', 'The sign bit of a code, or 0.'),
  longs(
    'gridScale codeMask',
    'Grids: a number times this (a number of the lane type) is the integer; the bits of a code.',
  ),
  longs(
    'fixedBelowCode quantum largestCode',
    'Decoding. Codes of magnitudes below this are worth quanta (a number of the lane type); the largest finite one.',
  ),
  longs('magnitudeBits padding', 'The bits of a magnitude, and those that must be 0.'),
  words(
    'signMove gridMove positBits positEs',
    "How far the sign bit is from the lanes', how far a grid's code is from filling a lane, a posit's bits and es.",
  ),
  longs('gridSigned gridLeast', "All ones where a grid's codes are signed; the smallest number of a grid."),

  longs(
    'unscale round',
    'Quick kernels: see `quanta`; what the rounding to integers adds: 1/2 or the number just below (ties), 1 (stochastic).',
  ),
  longs(
    'drawScale bound',
    'Stochastic: 2^N, and what the fraction times that must reach where the random integer is 0; less it, otherwise.',
  ),
  longs(
    'fixedInverse fixedQuantum',
    "Composed kernels: the inverse of the subnormal numbers' quantum (to odd: half of that), and the quantum.",
  ),
  words(
    'drawLeft drawRight drawAdded',
    'Bit-pattern kernels: how far the random integer moves to the left, then to the right; what is added besides.',
  ),
  longs('cutMask', 'The bits that such a kernel keeps.'),
  longs(
    'lowerLimit keptUpper keptLower',
    'The smallest number; both limits as the clamp that keeps infinities wants them: binary32, with `keep` added to the bits.',
  ),
  room(
    'tail',
    64,
    'Where the last few elements of an array go, as kernels want a multiple of 32 bytes: 32 bytes of values, 32 of randomness.',
  ),
  end('parameterBytes'),

  words(
    'jobKernel elementShift',
    "A job: the block, and behind it what is to be rounded. Kernel, log2 of an element's bytes, ...",
  ),
  words('jobSource jobDestination', '... pointers to element 0, whether or not a piece has it, ...'),
  words(
    'randomSource random randomBits',
    '... where random integers come from, where the supplied ones lie or room is for drawn ones, how many bits they have, ...',
  ),
  longs('index stream seed', '... of 64 bits: the index of element 0 in the stream, stream and seed.'),
  words(
    'task codec codeShift codecParameters',
    "What is done: one of the tasks. Codes: the kernel, log2 of a code's bytes, the parameter block of the codec, ...",
  ),
  words(
    'scratch refusesNaN',
    "... room for a chunk's rounded values and for what fills no 16 elements; 1 where a NaN has no code.",
  ),
  longs('strayBits', 'Decoding: the bits that no code has, of 64.'),
  end('jobBytes', 64),
];

/** Kernels that take every option, by what decides between two neighbours; those from `Stochastic` on read random integers. */
export const kinds = ['Nearest', 'Directed', 'Odd', 'Stochastic', 'Equal'];
/** Of the common cases. On bit patterns `NearestAway` is away from zero and ties to zero too: the constant that it adds differs. */
const modes = [
  'NearestEven',
  'NearestAway',
  'NearestToZero',
  'Up',
  'Down',
  'Away',
  'TowardZero',
  'Odd',
  'Stochastic',
  'StochasticAny',
  'NearestToPositive',
  'NearestToNegative',
  'NearestOdd',
  'Jam',
];
/** Modes whose loop is that of another, but for a constant, where it is not about bit patterns. */
/** @type {Readonly<Record<string, string>>} */
const sameLoop = { NearestToNegative: 'NearestToPositive' };
/** Modes that compose two roundings. */
const composed = ['TowardZero', 'Odd'];
/**
 * The ends of the range. All is clamped to the largest number; what exceeds it becomes infinity; NaN; finite numbers are clamped,
 * infinities stay, or become NaN; the same, but what exceeds the range on the side of the direction becomes infinity, or NaN.
 */
const ends = ['Clamped', 'Infinite', 'Exceeded', 'Kept', 'NaN', 'KeptOutward', 'NaNOutward'];
const endTypes = ends.map((name) => (name === 'NaN' ? 'NaNEnd' : name));

/** Which ends a mode has. */
const symmetric = ['Clamped', 'Infinite', 'Exceeded', 'Kept', 'NaN'];
const outward = ['Clamped', 'KeptOutward', 'NaNOutward', 'Kept', 'NaN'];
const inward = ['Clamped', 'Kept', 'NaN'];
const endsOf = (/** @type {string} */ mode) =>
  mode === 'Up' || mode === 'Down' ? outward : composed.includes(mode) || mode === 'Jam' ? inward : symmetric;

const places = 'source: usize, destination: usize, bytes: usize, random: usize, parameters: usize';
const given = 'source, destination, bytes, random, parameters';
const withoutRandom = 'source, destination, bytes, parameters';

// General kernels: three lane types, then exact ones for two, lists, posits.
const general = ['round32', 'round32in64', 'round64', 'exact32', 'exact64'];
const exactBase = 3 * kinds.length;
const listBase = 5 * kinds.length;
const lists = ['Thresholds', 'Small', 'Stochastic', 'Equal'];
const positBase = listBase + 2 * lists.length;
const listCall = (/** @type {string} */ type, /** @type {string} */ list) =>
  ({
    Thresholds: `listThreshold<${type}>(${withoutRandom})`,
    Small: `listSmall32(${withoutRandom})`,
    Stochastic: `listRandom<${type}>(false, ${given})`,
    Equal: `listRandom<${type}>(true, ${given})`,
  })[list] ?? '';
/** @type {(readonly [number, string])[]} */
const generalCases = [
  ...each(general, kinds).map(
    ([name, kind], at) => /** @type {const} */ ([at, `${name}(${kinds.indexOf(kind)}, ${given})`]),
  ),
  ...each(['f32', 'f64'], lists)
    .map(([type, list], at) => /** @type {const} */ ([listBase + at, listCall(type, list)]))
    // Small lists are compared with every threshold in binary32 lanes alone.
    .filter(([at]) => at !== listBase + lists.length + lists.indexOf('Small')),
  ...each(['posit32', 'posit64'], ['false', 'true']).map(
    ([name, isStochastic], at) =>
      /** @type {const} */ ([positBase + at, `${name}(${isStochastic}, ${given})`]),
  ),
];

// The common cases: binary32 lanes, binary64 lanes, binary32 bit patterns.
const quickBase = 64;
const quickModes = 16;
const quickEnds = 8;
const composedModes = 8;

/** A function of its own for a mode, called from two places, so that no compiler makes one function of them all. */
/** @param {string} name @param {string[]} which @param {(type: string) => string} call */
const ofMode = (name, which, call) =>
  dispatcher({
    ...{ name, takes: `end: i32, ${places}`, by: 'end', isExported: false },
    cases: which.map((end) => [ends.indexOf(end), call(/** @type {string} */ (endTypes[ends.indexOf(end)]))]),
  });

/** @type {{ at: number, name: string, text: string }[]} */
const quick = [];
for (const [family, lanes] of ['f32, i32', 'f64, i64'].entries()) {
  for (const [at, mode] of modes.entries()) {
    // Toward zero and to odd, formats that leave binary64 lanes no room to compose go to the kernels that take every option.
    if (family === 1 && composed.includes(mode)) continue;
    const random = mode.startsWith('Stochastic') || endsOf(mode) === symmetric ? 'random' : '0';
    const name = `quick${sameLoop[mode] ?? mode}${family === 0 ? 32 : 64}`;
    const call = (/** @type {string} */ type) =>
      `quick<${lanes}, ${type}>(${at}, source, destination, bytes, ${random}, parameters)`;
    const text = sameLoop[mode] === undefined ? ofMode(name, endsOf(mode), call) : '';
    quick.push({ at: family * quickModes + at, name, text });
  }
  for (const mode of composed) {
    const at = modes.indexOf(mode);
    const name = `composed${mode}${family === 0 ? 32 : 64}`;
    const call = (/** @type {string} */ type) => `composed<${lanes}, ${type}>(${at}, ${withoutRandom})`;
    quick.push({ at: family * quickModes + composedModes + at, name, text: ofMode(name, inward, call) });
  }
}
for (const [at, mode] of modes.entries()) {
  if (mode === 'NearestToZero' || mode === 'Away') continue;
  const name = `pattern${mode}`;
  const call = (/** @type {string} */ type) => `pattern<${type}>(${at}, ${given})`;
  quick.push({ at: 2 * quickModes + at, name, text: ofMode(name, ['Clamped', 'Kept', 'Infinite'], call) });
}

// Codecs, by family and the lane type of the array; some have none in narrower lanes.
const codecs = ['Float', 'Grid', 'Posit', 'List'];
const codeArguments = 'codeShift, source, destination, count, parameters';
/** @param {'encode' | 'decode'} name @param {(at: number, codec: string, lanes: number) => string | undefined} call */
const codec = (name, call) =>
  dispatcher({
    ...{
      name,
      takes: 'kernel: i32, codeShift: i32, source: usize, destination: usize, count: i32, parameters: usize',
    },
    by: 'kernel',
    cases: each(codecs, [0, 1, 2]).flatMap(([codec, lanes], at) => {
      const text = call(at - lanes, codec, lanes);
      return text === undefined ? [] : [/** @type {const} */ ([at, text])];
    }),
  });
const arrayType = (/** @type {number} */ lanes) => (lanes === 0 ? 'f32' : 'f64');

const spelled = (/** @type {string} */ prefix, /** @type {string[]} */ names) =>
  names.map((name) => prefix + name).join(' ');

export const rounding = {
  block,
  numbers: [
    count('noRandom drawnRandom suppliedRandom'),
    number(
      'randomChunk',
      2048,
      'Random integers that are drawn at a time: 8 KiB stay in the first-level cache with the values. A multiple of 16.',
    ),
    count('lanes32 lanes32in64 lanes64', 'Kernels that take every option: lanes * kinds + kind.'),
    number('kinds', kinds.length),
    count(spelled('kind', kinds)),
    number(
      'exactBase',
      exactBase,
      'Kernels of binary64 lanes that take every format: this + (0 for binary32 arrays, 1 for binary64) * kinds + kind.',
    ),
    number('listBase', listBase, 'Lists: this + (0 or 1) * lists + one of these.'),
    number('lists', lists.length),
    count(spelled('list', lists)),
    number('positBase', positBase, 'Posits: this + (0 or 1) * 2 + (0 nearest, 1 stochastic).'),
    number(
      'quickBase',
      quickBase,
      'The common cases: this + (family * quickModes + mode) * quickEnds + end.',
    ),
    number('quickModes', quickModes),
    number('quickEnds', quickEnds),
    count('quick32Family quick64Family pattern32Family'),
    count(spelled('quick', modes)),
    number('composedModes', composedModes, 'Added to the modes that compose two roundings.'),
    count(spelled('end', ends), undefined, endTypes.join(' ')),
    number('smallList', 16, 'The most values of a list that is compared with every one of its thresholds.'),
    number(
      'binadeShift',
      5,
      "log2 of the bytes of a posit's binade: C or 0; else the least number that goes up, the lower and the upper neighbour.",
    ),
    count('taskRound taskEncode taskDecode'),
    number('scratchTail', 2048 * 8, 'From the scratch to the room for 16 values or codes, twice.'),
    number('scratchBytes', 2048 * 8 + 2 * 128),
    ...codecs.map((name, i) =>
      number(`codec${name}`, 3 * i, "Encoders and decoders, + the array's and the lanes' type, as above."),
    ),
  ],
  imports: [
    "import { composed } from './composed';",
    "import { decodeLanes, decodePosits, decodeTable } from './decode';",
    "import { encodeLanes, encodeList } from './encode';",
    "import { exact32, exact64 } from './exact';",
    "import { listRandom, listSmall32, listThreshold } from './list';",
    "import { pattern } from './pattern';",
    "import { posit32, posit64 } from './posit';",
    "import { quick } from './quick';",
    "import { round32, round32in64, round64 } from './round';",
  ],
  functions: [
    dispatcher({
      name: 'dispatchGeneral',
      takes: `kernel: i32, ${places}`,
      by: 'kernel',
      cases: generalCases,
    }),
    ...quick.map(({ text }) => text).filter((text) => text !== ''),
    codec('encode', (at, name, lanes) => {
      if (name === 'List')
        return lanes === 1 ? undefined : `encodeList<${arrayType(lanes)}>(${codeArguments})`;
      return name === 'Posit' && lanes === 0 ? undefined : `encodeLanes(${at}, ${lanes}, ${codeArguments})`;
    }),
    codec('decode', (at, name, lanes) => {
      if (name === 'Float' || name === 'Grid') return `decodeLanes(${at}, ${lanes}, ${codeArguments})`;
      const loop = name === 'Posit' ? 'decodePosits' : 'decodeTable';
      return lanes === 1 ? undefined : `${loop}<${arrayType(lanes)}>(${codeArguments})`;
    }),
    dispatcher({
      ...{ name: 'dispatchQuick', takes: `mode: i32, end: i32, ${places}`, by: 'mode', isInline: true },
      cases: quick.map(({ at, name }) => [at, `${name}(end, ${given})`]),
    }),
  ],
};
