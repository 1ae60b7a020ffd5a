/** The manifest of `src/kernels/assembly/elementary`. What a plan says of a function: `src/kernels/elementary/elementary-plan.ts`. */
import { count, dispatcher, each, end, number, words } from './layout.js';

const block = [
  words(
    'function kind',
    'Which function, and by what the rounding decides between two neighbours: one of `kinds`.',
  ),
  words(
    'source destination shift',
    "Pointers to element 0 of arguments and results, log2 of an element's bytes.",
  ),
  words('table', 'Where the polynomials of erf x / x lie.'),
  end('blockBytes', 32),
];

const functions = ['Exp', 'Log', 'Sin', 'Cos', 'Tanh', 'Erf'];
const kinds = ['Nearest', 'Directed', 'Odd', 'Native'];
const spelled = (/** @type {string} */ prefix, /** @type {string[]} */ names) =>
  names.map((name) => prefix + name).join(' ');

export const elementary = {
  block,
  numbers: [
    count(spelled('function', functions), undefined, functions.join(' ')),
    count(
      spelled('decide', kinds),
      'The first three kinds of rounding, and binary32 as the hardware rounds to it.',
      kinds.join(' '),
    ),
    number('decisions', kinds.length),
    number('piecesPerUnit', 8, 'erf x / x from 0 on: so many polynomials to a unit of x, ...'),
    number('coefficients', 12, '... of so many coefficients each, ...'),
    number('pieces', 52, "... and so many of them. From the last one's end on erf is 1."),
  ],
  imports: ["import { loop } from './piece';"],
  functions: [
    dispatcher({
      name: 'dispatch',
      takes: 'kernel: i32, source: usize, destination: usize, bytes: usize, shift: i32, block: usize',
      by: 'kernel',
      cases: each(functions, kinds).map(([name, kind], at) => [
        at,
        `loop<${name}, ${kind}>(source, destination, bytes, shift, block)`,
      ]),
    }),
  ],
};
