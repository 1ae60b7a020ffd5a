/** The manifest of `src/kernels/assembly/quantizers`. The constants of a quantiser: `src/kernels/quantizers/quantizer-plan.ts`. */
import { count, dispatcher, each, end, number, words } from './layout.js';

const block = [
  words('low high', 'Numbers of binary32. The ends of the elements in use.'),
  words(
    'base shift',
    'Equal steps: 1.5 times a power of two whose unit in the last place is the step. Floats: the smallest binade whose own quantum is used, and what makes a binade the power of two that rounds, in exponent bits.',
  ),
  words(
    'magnitudeMask exponentMask',
    'All bits but the sign, and the exponent field: read from here so that they stay in registers throughout a loop.',
  ),
  words(
    'zero common',
    'Two levels: added to scaled numbers, +0 takes the sign of a zero away, -0 leaves it; the scale that all groups share.',
  ),
  words(
    'encode amax denominator',
    'Four over six: the encode scale of the tensor or row, its largest magnitude, and what products of both levels are divided by.',
  ),
  end('parameterBytes'),
];

/** How elements are rounded: to equal steps, to floats, or they have been rounded already. */
const elements = ['Grid', 'Float', 'Given'];
/**
 * How they are scaled back: divided by the group's scale, multiplied by it, multiplied by it and by the common one, multiplied by it
 * where they are divided by it on the way in.
 */
const scalings = ['Divided', 'Multiplied', 'TwoLevels', 'Quotients'];

const placing = (/** @type {string} */ name, /** @type {string} */ geometry) => {
  const takes = `source: usize, destination: usize, ${geometry}, into: usize, out: usize, parameters: usize`;
  const given = takes.replaceAll(/: \w+/g, '');
  const loop = (/** @type {number} */ element, /** @type {number} */ scaling) =>
    `${name}By(${element}, ${scaling}, ${given})`;
  /** @type {(readonly [number, string])[]} */
  const cases = each([0, 1, 2], [0, 1, 2, 3]).map(([element, scaling], at) => [at, loop(element, scaling)]);
  return dispatcher({
    name,
    takes: `kernel: i32, ${takes}`,
    by: 'kernel',
    cases: [...cases, ...[12, 13].map((only) => /** @type {const} */ ([only, loop(0, only)]))],
  });
};

/** The functions that threads share, and how many words they take. */
const calls = /** @type {const} */ ([
  ['absoluteMaxima', 7],
  ['placeGroups', 10],
  ['columnMaxima', 6],
  ['placeColumns', 10],
  ['gatherGroups', 7],
  ['addSums', 8],
  ['squaredErrors', 7],
  ['chooseScales', 13],
]);
const argument = (/** @type {number} */ i) => `argument(block, ${i}, from, count)`;

export const quantizers = {
  block,
  numbers: [
    count(elements.map((name) => `elements${name}`).join(' ')),
    count(
      scalings.map((name) => `scaling${name}`).join(' '),
      'A kernel that places elements has the number 4 elements + scaling; ...',
    ),
    number('scaleOnly', 12, '... the ones that only scale, by a product or a quotient.'),
    number('scaleOnlyQuotients', 13),
    count('sumMagnitudes sumNumbers sumSquares sumDistances', 'What is summed: |x|, x, x^2, (x - mean)^2.'),
    count('errorAbsolute errorSquared', 'How four over six measures errors.'),
    count(
      calls.map(([name]) => `call${name[0]?.toUpperCase()}${name.slice(1)}`).join(' '),
      'What a job calls.',
    ),
    number(
      'callArguments',
      4,
      'A job: what it calls, and for each argument its value at unit 0, what a unit adds to it, and what each unit of a piece does.',
    ),
    number('callBytes', 4 + 13 * 12),
  ],
  imports: [
    "import { chooseScales } from './choice';",
    "import { columnMaxima, placeColumnsBy } from './columns';",
    "import { placeGroupsBy } from './elements';",
    "import { argument } from './argument';",
    "import { gatherGroups } from './gather';",
    "import { squaredErrors } from './search';",
    "import { absoluteMaxima, addSums } from './statistics';",
  ],
  functions: [
    placing('placeGroups', 'groups: i32, size: i32, columns: i32, left: i32'),
    placing('placeColumns', 'rows: i32, width: i32, sourceStride: usize, destinationStride: usize'),
    dispatcher({
      ...{
        name: 'call',
        takes: 'called: i32, block: usize, from: i32, count: i32',
        by: 'called',
        isExported: false,
      },
      cases: calls.map(([name, n], at) => [
        at,
        `${name}(${Array.from({ length: n }, (_, i) => argument(i)).join(', ')})`,
      ]),
    }),
    `export function piece(block: usize, from: i32, count: i32): i32 {
  call(load<i32>(block), block, from, count);
  return -1;
}
`,
  ],
};
