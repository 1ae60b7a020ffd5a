/** The manifest of `src/kernels/assembly/arithmetic`. What the constants mean for a plan: `src/kernels/arithmetic/operation-plan.ts`. */
import { count, dispatcher, each, end, longs, number, room, words } from './layout.js';

const block = [
  words(
    'kernel operandShift workShift outShift',
    'Number of the kernel that makes intermediates, and log2 of the bytes of an operand, an intermediate and a result.',
  ),
  words(
    'roundKernel roundParameters',
    'The kernel of rounding that rounds intermediates, or -1, and its parameter block.',
  ),
  words(
    'a b c out aStep bStep cStep',
    "Operands and result, and the bytes from one element of an operand to the next: 0 where a chunk's worth of it stays.",
  ),
  words('work random', "Where a chunk's intermediates go, and room for its random integers."),
  words('randomSource randomBits', 'Where those come from: none, drawn, or lying there; their bits.'),
  longs('index stream seed', 'Index of element 0, stream and seed, of 64 bits each.'),
  longs('flip', 'Lane constants. The sign bit where sums are made of negated operands and negated again.'),
  longs('zeroDivisor', 'NaN where a number divided by zero is that, else 0.'),
  longs('unsignedZero', 'The sign bit where a divisor of -0 counts as 0, else 0.'),
  longs(
    'awayPositive awayNegative odd nearest tie tieAway',
    'Checked kernels: masks by which a result between two neighbours goes away from zero, ...',
  ),
  longs('least', '... the smallest result that they decide, ...'),
  words(
    'deferredCount deferredList',
    '... how many elements they left to the caller, and the list of these.',
  ),
  words(
    'memberKernel memberParameters checkedOperands',
    'Membership: kernel and parameter block that round an operand; bit i is set where operand i is to be checked.',
  ),
  words(
    'single isInPlace',
    'The kernel that rounds in its own loop, or -1; 1 where its results go to the scratch first, as the result is an operand.',
  ),
  words('redo', 'Set to 1 where a chunk is to be done anew by the kernels that do everything.'),
  words('doubt', 'Set to 1 where an operand may be no number of the format.'),
  words(
    'check',
    'Whether binary32 operands can be checked by the constants that follow: not, by the anchor, by bit patterns.',
  ),
  words(
    'magnitudes maximum anchor rest',
    'All bits but the sign, the largest number, the power of two whose last bit is worth the smallest number, the discarded bits.',
  ),
  words(
    'nearestExponents nearestClamp nearestHalf nearestLowest nearestFinite',
    "Nearest-even results in one loop: the exponent field; bit patterns: what results are clamped to, half of the discarded bits' range less one, the lowest kept bit, the largest one of a number, ...",
  ),
  words(
    'nearestFloor nearestShift nearestTop',
    '... magic numbers: the smallest normal number, what makes a binade its magic number, what is beyond the largest number, ...',
  ),
  words(
    'unitsInverses unitsQuanta unitsHalf unitsKept',
    "... units in the last place: a binade's pattern is taken from the first for the inverse of its unit, and multiplied by the second for the unit itself; a half; the bits of a magnitude that the format keeps.",
  ),
  words(
    'sign exponents flipSum flipSecond',
    'Single passes: the sign bit, the exponent field, what is laid over the signs of sums and of second operands, ...',
  ),
  words(
    'raisePositive raiseNegative mask limit',
    '... all ones where results of a sign go away from zero, the kept bits, the largest number, ...',
  ),
  words(
    'drawFactor drawShift',
    '... what moves a random integer to the discarded bits: a factor to the left, a number of bits to the right, ...',
  ),
  words('lowMask lowScale', '... its lower bits and what scales them, ...'),
  words(
    'tailScale one tiny',
    '... 2^22, which with 2^128 / 2^exponent scales a tail, 1, a number smaller than any scaled tail that matters, ...',
  ),
  words(
    'widen leastProduct',
    '... what keeps a product from becoming 0, and the size from which on it is exact, ...',
  ),
  words('scale unscale', "... what moves a narrower range's end to that of binary32, and back, ..."),
  words(
    'drawnFloor drawnTop drawnInverses drawnQuanta drawnMask highScale',
    '... units in the last place: the smallest normal number and the power of two above the largest one, what a binade is taken from for the inverse of its unit, and what is taken from it for the unit, the bits of a random integer, what scales its upper ones.',
  ),
  room(
    'tail',
    80,
    'The last few elements of operands that fill no vector, and what comes of them: 16, 16, 16 and 32 bytes.',
  ),
  end('blockBytes'),
];

const operations = ['Add', 'Sub', 'Mul', 'Div', 'Sqrt', 'Fma'];
const forms = ['Plain', 'Odd', 'Pair', 'Guarded', 'Checked'];
const checks = ['None', 'ByAnchor', 'ByPattern'];
const ends = ['Natural', 'Clamped'];
const drawnEnds = [...ends, 'Scaled'];
const unitsEnds = ['Clamped', 'Scaled', 'Exceeded'];
const allEnds = [...drawnEnds, 'Exceeded'];
const lengths = ['Short', 'Long'];

const spelled = (/** @type {string} */ prefix, /** @type {string[]} */ names) =>
  names.map((name) => prefix + name).join(' ');

/** Which forms an operation has: in binary32 lanes, with binary32 operands in binary64 lanes, in binary64 lanes. */
const formsOf = {
  Add: ['Plain Odd Guarded', 'Plain Odd', 'Plain Odd Checked'],
  Sub: ['Plain Odd Guarded', 'Plain Odd', 'Plain Odd Checked'],
  Mul: ['Plain Guarded', 'Plain', 'Plain Pair Checked'],
  Div: ['Plain Odd Guarded', 'Odd', 'Plain Odd Pair Checked'],
  Sqrt: ['Plain Odd Guarded', 'Odd', 'Plain Odd Checked'],
  Fma: ['Plain Odd Guarded', 'Plain Odd', 'Plain Odd Pair Checked'],
};

/** @param {number} lanes @param {string} operation @param {string} form */
function intermediate(lanes, operation, form) {
  if (form === 'Checked') return `checked<${operation}>(a, b, c, to, bytes, index, block)`;
  if (lanes === 1) return `inWideLanes<${operation}, ${form}>(a, b, c, to, bytes, block)`;
  const types = lanes === 0 ? 'f32, i32' : 'f64, i64';
  return `inLanes<${types}, ${operation}, ${form}>(a, b, c, to, bytes, block)`;
}

const intermediates = each([0, 1, 2], operations, forms).flatMap(([lanes, operation, form], at) =>
  /** @type {any} */ (formsOf)[operation][lanes].split(' ').includes(form)
    ? [/** @type {const} */ ([at, intermediate(lanes, operation, form)])]
    : [],
);

/** The kernels of single passes, in the order of their numbers. */
const families = [
  ['nearestFma', ...ends.map((end) => `nearestFma<${end}>(a, b, c, to, bytes, block)`)],
  [
    'nearestChecked',
    ...each(['Add', 'Mul'], ['ByAnchor', 'ByPattern'], ends).map(
      ([operation, check, end]) => `nearestChecked<${operation}, ${check}, ${end}>(a, b, to, bytes, block)`,
    ),
  ],
  [
    'nearestUnitsChecked',
    ...unitsEnds.map((end) => `nearestFmaUnitsChecked<${end}>(a, b, c, to, bytes, block)`),
  ],
  ['nearestUnits', ...unitsEnds.map((end) => `nearestFmaUnits<${end}>(a, b, c, to, bytes, block)`)],
  ['directedSum', ...ends.map((end) => `directed<Add, ${end}>(a, b, to, bytes, block)`)],
  ['directedQuotient', ...ends.map((end) => `directed<Div, ${end}>(a, b, to, bytes, block)`)],
  ['directedRoot', 'directedRoots(a, to, bytes, block)'],
  [
    'drawnSum',
    ...each(drawnEnds, lengths).map(
      ([end, length]) => `drawnSums<Add, ${end}, ${length}>(a, b, c, to, bytes, random, block)`,
    ),
  ],
  [
    'drawnFma',
    ...each(ends, lengths).map(
      ([end, length]) => `drawnSums<Fma, ${end}, ${length}>(a, b, c, to, bytes, random, block)`,
    ),
  ],
  ['drawnUnits', ...lengths.map((length) => `drawnUnits<${length}>(a, b, c, to, bytes, random, block)`)],
  [
    'drawnProduct',
    ...each(ends, lengths).map(
      ([end, length]) => `drawnProducts<${end}, ${length}>(a, b, to, bytes, random, block)`,
    ),
  ],
];
const singles = families
  .flatMap(([, ...calls]) => calls)
  .map((call, at) => /** @type {const} */ ([at, call]));
const bases = families.map(([name], i) =>
  number(
    `${name}Base`,
    families.slice(0, i).reduce((sum, [, ...calls]) => sum + calls.length, 0),
  ),
);

const operands = 'kernel: i32, a: usize, b: usize, c: usize, to: usize, bytes: usize';

export const arithmetic = {
  block,
  numbers: [
    count('noRandom drawnRandom suppliedRandom'),
    count(spelled('check', checks), 'How binary32 operands are checked.', checks.join(' ')),
    number('chunk', 1024, 'Elements that go through all steps together, in the first-level cache.'),
    number(
      'deferredBytes',
      32,
      'Bytes of an element left to the caller: its index, in 8 bytes, and three operands.',
    ),
    count(
      spelled('operation', operations),
      'A kernel of intermediates has the number (lanes * operations + operation) * forms + form.',
      operations.join(' '),
    ),
    number('operations', operations.length),
    count('lanes32 lanes32in64 lanes64', 'Binary32; binary32 arrays in binary64 lanes; binary64.'),
    count(
      spelled('form', forms),
      "The hardware's nearest result; rounded to odd, where a product must be exact in the lanes; rounded to odd, with products and divisors of up to 53 bits; binary32 lanes, rounded to odd, for operands of up to 12 bits whose results may leave binary32's range; as pairs, in any direction, where what lies too near the ends of binary64's range is left to the caller.",
      forms.join(' '),
    ),
    number('forms', forms.length),
    count(
      spelled('end', allEnds),
      'Ends of the range: overflow carries to infinity, or is clamped, or is scaled to infinity, or becomes NaN.',
      allEnds.join(' '),
    ),
    count(
      spelled('draw', lengths),
      'Whether a random integer has more bits than are discarded.',
      lengths.join(' '),
    ),
    ...bases,
  ],
  imports: [
    "import { checked } from './checked';",
    "import { drawnUnits } from './drawn-units';",
    "import { inLanes, inWideLanes } from './intermediate';",
    "import { nearestChecked } from './nearest-checked';",
    "import { nearestFma } from './nearest-fma';",
    "import { nearestFmaUnits, nearestFmaUnitsChecked } from './nearest-fma-units';",
    "import { directed, directedRoots, drawnProducts, drawnSums } from './single-pass';",
  ],
  functions: [
    dispatcher({
      name: 'dispatch',
      takes: `${operands}, index: i32, block: usize`,
      by: 'kernel',
      cases: intermediates,
    }),
    dispatcher({
      name: 'dispatchSingle',
      takes: `${operands}, random: usize, block: usize`,
      by: 'kernel',
      cases: singles,
    }),
  ],
};
