/** The manifest of `src/kernels/assembly/products`. What the slots mean for a plan: `src/kernels/products/product-planner.ts`. */
import { constantsOf, count, dispatcher, each, end, halves, longs, number, words } from './layout.js';
import { kinds, rounding } from './rounding.js';

const block = [
  words('kernel'),
  words(
    'a b out aShift bShift outShift',
    'Pointers of op(a), op(b) and the result, and log2 of their bytes an element.',
  ),
  words('m n k transposeA transposeB', 'out (m x n) = op(a) (m x k) op(b) (k x n).'),
  words(
    'rowBytesA rowBytesB batchBytesA batchBytesB',
    'Bytes from one row of an operand as it is stored to the next, and from one matrix of a batch to the next.',
  ),
  words('blockM blockN blockK', 'Extents of the packed blocks, in elements.'),
  words('byColumns', 'Work is handed out in tiles of rows, or of columns where this is 1.'),
  words(
    'scratch scratchBytes piece',
    'Scratch memory: its pointer, its bytes for each piece of the work, and units of work a piece.',
  ),
  words(
    'roundProducts sum pairwise',
    'Whether products are rounded; how sums are made; whether they are made as a tree.',
  ),
  words('parameters', 'The parameter block of the rounding.'),
  words(
    'randomBits drawBits',
    'Random bits, and bits of Philox that one draw takes: 8, 16 or 32; 0 for none.',
  ),
  words('drawStride', 'Draws from one output to the next.'),
  longs(
    'index productStream sumStream seed',
    'Index of the first draw of the first output, and the streams and seed: 64 bits each.',
  ),
  longs(
    'flip',
    'The sign bit of a binary64 number where sums are made of negated terms and negated again, 64 bits; it gives -0 for x - x.',
  ),
  longs('split', 'The power of two and a half that cuts a product in two parts, a binary64 number.'),
  words('out2', 'Where the second parts of sums in two numbers go, laid out as the result.'),
  words(
    'floor',
    'Binary32 kernels that round every step. The smallest normal number, or 0 where no product but 0 is below it.',
  ),
  words('shift', 'Added to exponent bits to make the magic number.'),
  words(
    'maximum overflow overflowNegative infinity infinityNegative',
    'The largest number, and what stands for a larger result and for an infinite one, of either sign.',
  ),
  words(
    'near',
    'Magnitudes from here on may be near the upper end, which is then made sure of; all ones but the sign if none need be.',
  ),
  words(
    'exponentMask',
    'The exponent field of a binary32 number, from memory so that it stays in a register.',
  ),
  words(
    'adds',
    'What is added to patterns: one of the next two, or random integers, if it is the bits of a draw.',
  ),
  words('dropMask', 'The bits that are kept.'),
  words(
    'addPositive addNegative',
    'What is added to positive numbers, or with random integers; its exclusive or with what is added to negative ones.',
  ),
  words(
    'randomMask randomScale randomMove',
    'The bits of random integers that count; how far they are moved: by a product (draws of 8 bits) or to the right.',
  ),
  words('wide', '1 where random integers have more bits than a cut sum.'),
  words('starts', 'Whether sums begin with what is where they go, instead of +0.'),
  words(
    'step group instruction flushes',
    'Matrix units. How a step adds up; products a step, steps of k an instruction; whether subnormals count as zero.',
  ),
  words(
    'overflows nearest',
    'Whether products may be 2^128 or more; whether results are rounded to nearest, else toward zero.',
  ),
  longs(
    'fractions operandLeast addendLeast resultLeast',
    'Binary64 numbers: 2^F for F fraction bits of aligned terms; the smallest normal numbers of operands, addend and result.',
  ),
  longs('resultMaximum resultLimit', 'The largest result; the power of two above it.'),
  longs(
    'resultMask resultMagic',
    'The kept bits of a result that is cut; the magic number of 1, a binary64 number, for one to nearest.',
  ),
  words(
    'productSupplied sumSupplied',
    'Pointers of supplied random integers of products and of sums, one for each draw; 0 where they are made.',
  ),
  words(
    'scaleA scaleB unit',
    'Small integers times powers of two: one over the power of either operand, and the power of products; binary32 numbers.',
  ),
  words(
    'packed packs',
    "Where op(b) lies packed as a whole, for all pieces; 0 where each packs it for itself. Whether the pieces' work is to pack it.",
  ),
  words(
    'splitPower splitFactor',
    'Formats that numbers are split for: 2^(24 - p), and that plus 1; binary32 numbers.',
  ),
  halves(
    'lowExponent highExponent',
    "Aligned steps whose largest exponents lie between these 16-bit integers have sums that are no smaller than the quantum of the result's format and no larger than its largest number.",
  ),
  words('lastPlace', 'The last kept bit of a pattern.'),
  end('blockBytes'),
];

const general64 = 16;
const unrounded64 = 15;

/**
 * A function by the block's kernel of binary64 lanes: those of rounding that take every option, the exact ones, that to the nearest posit.
 * @param {string} name
 * @param {string} loop
 * @param {readonly (readonly [name: string, type: string])[]} parameters of both, after the kind of rounding and whether it is exact
 */
function byRounding(name, loop, parameters) {
  const constants = constantsOf(rounding);
  const at = (/** @type {string} */ constant) => general64 + Number(constants.get(constant));
  const given = parameters.map(([parameter]) => parameter).join(', ');
  const call = (/** @type {string | number} */ kind, isExact = false) =>
    `${loop}(${kind}, ${isExact}, ${given})`;
  const bases = [
    at('lanes64') + Number(constants.get('lanes64')) * (kinds.length - 1),
    at('exactBase') + kinds.length,
  ];
  return dispatcher({
    ...{ name, takes: parameters.map(([parameter, type]) => `${parameter}: ${type}`).join(', ') },
    by: 'load<i32>(block, kernelSlot)',
    cases: [
      [unrounded64, call('kindNone')],
      ...bases.flatMap((base, isExact) =>
        kinds.map((_, kind) => /** @type {const} */ ([base + kind, call(kind, isExact === 1)])),
      ),
      [at('positBase') + 2, call('kindPosit')],
    ],
  });
}

const rowsTake =
  'block: usize, a: usize, b: usize, count: i32, out: usize, outStride: usize, first: bool, products: usize, sums: usize';
const rowsGiven = rowsTake.replaceAll(/: \w+/g, '');
/** What is added to patterns: a constant by sign, what makes numbers odd, draws of so many bits. */
const adds = [0, 1, 8, 16, 32];
/** Sums that are exact or not, or made sure of near the upper end. */
const rowsEnds = /** @type {const} */ ([
  ['Exact', 'true, false'],
  ['', 'false, false'],
  ['Ends', 'false, true'],
]);

/** Two rows of a tile, each way a function of its own: the compiler's time grows with the square of a function's size. */
const patternRows = [
  ...each(adds, rowsEnds).map(
    ([bits, [name, ends]]) =>
      `function rows${bits}${name}(${rowsTake}): bool {\n  return twoRows(${bits}, ${ends}, ${rowsGiven});\n}\n`,
  ),
  dispatcher({
    ...{ name: 'patternRows', takes: `adds: i32, exact: bool, ${rowsTake}`, by: 'adds' },
    cases: adds.map((bits) => {
      const [exact, plain, ends] = rowsEnds.map(([name]) => `rows${bits}${name}(${rowsGiven})`);
      return [bits, `if (!(exact ? ${exact} : ${plain})) ${ends}`];
    }),
  }),
];

export const products = {
  block,
  numbers: [
    count('addsConstant addsOdd', 'A number by sign; what makes an inexact number odd.'),
    number('plain32', 0, 'Kernels.'),
    number('nearest32', 1),
    number('pattern32', 2),
    number('plain64', 3),
    number('unit64', 4, 'The steps of a matrix unit, in binary64 lanes.'),
    number('integer32', 5, 'Sums of products of small integers.'),
    number('split32', 6, 'Every step rounded to nearest even where no end of the format is within reach.'),
    number(
      'general64',
      general64,
      'Of binary64 lanes, that round as a kernel of rounding does: this plus its number; or not at all.',
    ),
    number('unrounded64', unrounded64),
    count(
      'sumNearest sumOdd sumExact sumSplit',
      'Sums: rounded as the hardware made them; made odd first; kept exactly in one number; in two.',
    ),
    count(
      'stepAligned stepBlocks stepFloored stepHalves stepPairwise',
      'Steps of matrix units: see `StepKind` of `src/products/matrix-units.ts`.',
    ),
  ],
  imports: [
    "import { kernelSlot } from '../../generated/layout-products';",
    "import { finishBy } from './finish';",
    "import { generalTile, kindNone, kindPosit } from './general';",
    "import { twoRows } from './pattern-rows';",
  ],
  functions: [
    byRounding('finish', 'finishBy', [
      ...[
        ['block', 'usize'],
        ['source', 'usize'],
        ['addend', 'usize'],
        ['shift', 'i32'],
      ],
      ...[
        ['destination', 'usize'],
        ['outShift', 'i32'],
        ['count', 'i32'],
      ],
    ]),
    byRounding('generalTile64', 'generalTile', [
      ...[
        ['block', 'usize'],
        ['a', 'usize'],
        ['b', 'usize'],
        ['count', 'i32'],
        ['to', 'usize'],
        ['to2', 'usize'],
      ],
      ...[
        ['first', 'bool'],
        ['rows', 'i32'],
        ['columns', 'i32'],
      ],
      ...[
        ['products', 'usize'],
        ['sums', 'usize'],
        ['levels', 'usize'],
      ],
    ]),
    ...patternRows,
  ],
};
