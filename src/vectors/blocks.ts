/** Quantisers of block formats: a tensor of binary32 numbers in; its scale where there is one, the blocks' scales and codes out. */
import { integerInRange } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { formats } from '../formats/catalogue.ts';
import type { Code } from '../formats/format.ts';
import { findBlockFormat, isBlockFormat } from '../formats/names.ts';
import { type BlockQuantizerOptions, blockQuantizerOptions, quantizer } from '../quantizers/index.ts';
import { isStochastic, resolveRounding } from '../rounding/index.ts';
import { codecOf, codeField } from './fields.ts';
import type { TestOperation } from './operation.ts';
import { randomFields, roundingWords } from './scalar.ts';
import { commonOptions, type OperationOptions, roundingOf } from './vector-options.ts';

/** Most blocks of a line. */
const mostBlocks = 64;

const passedOn = ['direction', 'symmetric', 'fourOverSix', 'scaleMax'] as const;

/** `quantize` of a tensor of so many blocks. Throws ArgumentError. */
export function blockOperation(given: Partial<OperationOptions>): TestOperation {
  const format = typeof given.format === 'string' ? findBlockFormat(given.format) : given.format;
  if (!isBlockFormat(format))
    throw new ArgumentError('format', given.format, 'a block format: mxfp8e4m3 ... nvfp4, bfp(7,16)');
  const common = commonOptions(given);
  const { element, scale, size } = format;
  const blocks = integerInRange('blocks', given.blocks, 1, mostBlocks, 1);
  const own = Object.fromEntries(
    passedOn.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
  );
  const settings: BlockQuantizerOptions = { ...roundingOf(given), ...own };
  const made = quantizer(blockQuantizerOptions(format, settings));
  const rounding = resolveRounding(element, { saturation: 'finite', ...roundingOf(given) });
  const n = blocks * size;
  const shape = [blocks, size];
  const operands = [codeField('x', formats.binary32, n), ...randomFields(rounding, n)];
  const hasTensorScale = format.tensorScale !== undefined;
  const { decode } = codecOf(formats.binary32);

  return {
    name: 'quantize',
    title: [
      `quantize ${blocks} x ${size} binary32 to ${format.name}`,
      roundingWords(rounding),
      ...Object.entries(own).map(([name, value]) => `${name} ${String(value)}`),
    ].join(', '),
    operands,
    results: [
      ...(hasTensorScale ? [codeField('tensor', formats.binary32)] : []),
      codeField('scale', scale, blocks),
      codeField('code', element, n),
    ],
    hasFlags: false,
    nan: common.nan,
    answer: (codes) => {
      const x = Float32Array.from({ length: n }, (_, i) => decode(codes[i]!));
      const random = Uint32Array.from(codes.slice(n) as number[]);
      // nvfp4 has no way to say NaN, nor an infinite maximum.
      if (hasTensorScale && x.some((value) => !Number.isFinite(value))) return undefined;
      const result = made.quantize(x, shape, isStochastic(rounding.rounding) ? { random } : {});
      const tensor = hasTensorScale ? [codecOf(formats.binary32).encode(result.tensorScale as number)] : [];
      return {
        results: [...tensor, ...(result.scaleCodes as Iterable<Code>), ...(result.codes as Iterable<Code>)],
        flags: 0,
      };
    },
  };
}
