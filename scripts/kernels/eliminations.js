/** The manifest of `src/kernels/assembly/eliminations`. The constants: `src/kernels/eliminations.ts`. */
import { count, end, longs, number } from './layout.js';

export const eliminations = {
  block: [
    longs(
      'floor shift most scale unscale',
      "Numbers of the lanes. The smallest normal number; what makes a binade the power of two that rounds, in exponent bits; the end of the range; what makes it that of the lanes, and that one's inverse.",
    ),
    longs(
      'quickShift near',
      'What makes a binade three halves of the power of two that rounds; the binade before the last.',
    ),
    end('parameterBytes', 16),
  ],
  numbers: [
    count(
      'endInfinite endExceeded endOwn',
      'What exceeds the range: infinity, NaN, or what lanes make of it.',
    ),
    number(
      'kernelWide',
      3,
      'Binary32 lanes have the numbers of the ends; in binary64 lanes those of the ends and this; ...',
    ),
    number('kernelBinary64', 5, '... and this one has elements of binary64, too.'),
  ],
};
