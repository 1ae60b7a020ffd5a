/** The options of `halfulp vectors` and `halfulp verify` that say what is tested, and errors that name them as they are typed. */

import type { Command } from 'commander';
import type { MatrixUnitParameters } from '../../arithmetic/index.ts';
import { refusedAs } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { parseOwnJson } from '../../json.ts';
import { roundingModes, saturations, stochasticVariants, subnormalTreatments } from '../../rounding/index.ts';
import {
  missingNaNs,
  nanRules,
  type OperationOptions,
  type VectorForm,
  VectorLineError,
  vectorForms,
  vectorOperations,
} from '../../vectors/index.ts';
import { choice, integer } from '../options.ts';

/** The operations in lines for help. */
export function operationLines(): string {
  const lines = [''];
  for (const name of vectorOperations) {
    const line = lines.at(-1)!;
    if (line.length + name.length > 72) lines.push(name);
    else lines[lines.length - 1] = line === '' ? name : `${line} ${name}`;
  }
  return lines.map((line) => `  ${line}`).join('\n');
}

function words(list: readonly (string | number)[]): string {
  return list.join(', ');
}

/** How partial sums are ordered: a word or the length of chunks. */
function order(text: string): OperationOptions['order'] {
  if (text === 'sequential' || text === 'pairwise') return text;
  if (/^\d{1,15}$/.test(text) && Number(text) > 0) return { chunk: Number(text) };
  throw new ArgumentError('--order', text, 'sequential, pairwise, or the length of chunks');
}

/** Adds the options that say what is tested. */
export function withOperationOptions(command: Command): Command {
  /** An option with one of a few words. */
  const word = (name: string, value: string, list: readonly string[], text: string): Command =>
    command.option(`${name} <${value}>`, text, choice(name, list));
  const whole = (name: string, most: number, text: string): Command =>
    command.option(`${name} <n>`, text, integer(name, 1, most));
  const directions = ['floor', 'ceil', 'even', 'rceil'];
  command
    .option(
      '--format <name>',
      'format of operands and result: see `halfulp formats`; a block format for quantize',
    )
    .option(
      '--from <name>',
      'convert, round, encode: the format that is converted (round, encode: binary64)',
    );
  word('--rounding', 'mode', roundingModes, `${words(roundingModes)} (default: nearest-even)`);
  word('--saturation', 'how', saturations, `${words(saturations)} (default: none)`);
  word('--subnormals', 'how', subnormalTreatments, `${words(subnormalTreatments)} (default: keep)`);
  const bits = 'bits of a random integer, the last operand of stochastic rounding (default: 32)';
  whole('--random-bits', 32, bits);
  word('--variant', 'v', stochasticVariants, 'stochastic rule of IEEE P3109: A, B, C (default: A)');
  const tininess = 'underflow is told before or after rounding (default: after)';
  word('--tininess', 'when', ['before', 'after'], tininess).option('--no-flags', 'lines without flags');
  const right = `which NaN is right: ${words(nanRules)} (default: any; vectors have the canonical one)`;
  word('--nan', 'rule', nanRules, right);
  const missing = `NaN where the format has none: ${words(missingNaNs)} (default: skip the line)`;
  word('--missing-nan', 'how', missingNaNs, missing);
  whole('--terms', 1024, 'dot, sum, norm: number of terms (default: 4)');
  word('--products', 'how', ['exact', 'rounded'], 'dot, norm: exact or rounded')
    .option('--accumulate <name>', 'dot, sum, norm: format of partial sums, or exact')
    .option('--order <how>', 'dot, sum, norm: sequential, pairwise, or a length of chunks', order);
  word('--accumulate-rounding', 'mode', roundingModes, 'dot, sum, norm: mode of partial sums').option(
    '--unit <name>',
    'step, mma: the matrix unit, such as hopper-fp8, or JSON of its parameters',
    matrixUnitOption,
  );
  whole('--blocks', 64, 'quantize: blocks of the tensor (default: 1)');
  const scales = `quantize: power-of-two scales by ${words(directions)} (default: floor)`;
  word('--direction', 'how', directions, scales).option(
    '--symmetric',
    'quantize mxint8: without the most negative code',
  );
  const better = 'quantize nvfp4: the better of two scales by mae or mse';
  word('--four-over-six', 'error', ['mae', 'mse'], better).option(
    '--scale-max <n>',
    'quantize nvfp4 with --four-over-six: 448 or 256 (default: 448)',
    scaleMax,
  );
  return word('--as', 'form', vectorForms, `form of the lines: ${words(vectorForms)} (default: testfloat)`);
}

/** A unit's name, or the object of a JSON text. */
function matrixUnitOption(text: string): string | MatrixUnitParameters {
  if (!text.trimStart().startsWith('{')) return text;
  try {
    return parseOwnJson(text) as MatrixUnitParameters;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ArgumentError('--unit', text, `a name, or JSON: ${error.message}`);
  }
}

function scaleMax(text: string): 448 | 256 {
  if (text === '448' || text === '256') return Number(text) as 448 | 256;
  throw new ArgumentError('--scale-max', text, '448 or 256');
}

/** The options as commander leaves them. */
export type GivenOptions = OperationOptions & { readonly as?: VectorForm };

/** The options for the library: `--no-flags` is the one that commander fills in. */
export function libraryOptions<T extends GivenOptions>({
  as,
  flags,
  ...others
}: T): Omit<T, 'as'> & { form?: VectorForm } {
  return {
    ...others,
    ...(flags === false ? { flags } : {}),
    ...(as === undefined ? {} : { form: as }),
  } as Omit<T, 'as'> & { form?: VectorForm };
}

/** Runs what checks options; errors name them as they are typed: `randomBits` is `--random-bits`. */
export function namingOptions<T>(work: () => T): T {
  return refusedAs(work, (refused) => {
    const { argument } = refused;
    if (refused instanceof VectorLineError || argument === 'operation' || argument.startsWith('--'))
      return undefined;
    // Quantisers have it among the options of their scale.
    const own = argument.replace(/^scale\./, '');
    const option = own === 'form' ? 'as' : own === 'matrixUnit' ? 'unit' : own;
    const dashed = option.replace(/NaN/, '-nan').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return `--${dashed}`;
  });
}
