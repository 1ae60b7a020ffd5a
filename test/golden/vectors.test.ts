/**
 * Lines of test vectors against SoftFloat's and exact results: every line of a golden set, written as TestFloat writes it, is found
 * right, signalling NaNs and their flags included; NaNs of every kind of rule.
 */
import { describe, expect, it } from 'vitest';
import type { RoundingMode, StochasticVariant } from '../../src/rounding/index.ts';
import { type VectorOperation, type VerifyOptions, verify } from '../../src/vectors/index.ts';
import { column, families, type GoldenSet, hasGolden, loadGolden, setsOf } from './load.ts';

const modes: Readonly<Record<string, RoundingMode>> = {
  rne: 'nearest-even',
  rz: 'toward-zero',
  ru: 'toward-positive',
  rd: 'toward-negative',
  rna: 'nearest-away',
  odd: 'to-odd',
};

type Codes = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

function hex(code: number | bigint, bytes: number): string {
  return code
    .toString(16)
    .toUpperCase()
    .padStart(2 * bytes, '0');
}

/** The lines of one column of results, each `stride`-th of them, as TestFloat writes them. */
function* linesOf(
  set: GoldenSet,
  columns: number,
  c: number,
  stride: number,
  random?: string,
): Generator<string> {
  const z = column<Codes>(set, 'z');
  const operands = column<Codes>(set, 'operands');
  const flags = set.columns.has('flags') ? column<Uint8Array>(set, 'flags') : undefined;
  const integers = random === undefined ? undefined : column<Codes>(set, `R_N${random}`);
  const count = z.length / columns;
  const arity = operands.length / count;
  const bytes = operands.BYTES_PER_ELEMENT;
  for (let i = 0; i < count; i += stride) {
    const words = Array.from({ length: arity }, (_, j) => hex(operands[i * arity + j]!, bytes));
    if (integers !== undefined)
      words.push(integers[i]!.toString(16).padStart(Math.ceil(Number(random) / 4), '0'));
    words.push(hex(z[i * columns + c]!, bytes));
    if (flags !== undefined) words.push(hex(flags[i * columns + c]!, 1));
    yield `${words.join(' ')}\n`;
  }
}

async function check(
  set: GoldenSet,
  parts: readonly string[],
  c: number,
  options: VerifyOptions,
  random?: string,
): Promise<void> {
  const columns = set.header.rounding!.length;
  const name = parts[1] as VectorOperation;
  // Exact sets have every pair and no flags; the operations themselves are compared on all of them elsewhere.
  const stride = set.columns.has('flags') || random !== undefined ? 1 : 7;
  const lines = linesOf(set, columns, c, stride, random);
  const flags = set.columns.has('flags');
  const found = await verify(name, lines, { format: parts[0]!, ...options, ...(flags ? {} : { flags }) });
  expect(found.first, `${parts.join(' ')} ${JSON.stringify(options)}`).toEqual([]);
  expect(found.lines).toBe(Math.ceil(column<Codes>(set, 'z').length / columns / stride));
}

describe.each(setsOf(families.operations))('lines of $set', ({ set: name, parts }) => {
  it.runIf(hasGolden(name))('are right in every mode, results and flags', async () => {
    const set = loadGolden(name);
    for (const [c, label] of set.header.rounding!.entries()) {
      const [mode, saturation] = label.split('_');
      await check(set, parts, c, {
        rounding: modes[mode!]!,
        ...(saturation === 'sat' ? { saturation: 'finite' } : {}),
        // SoftFloat hands payloads on; exact sets have the canonical NaN.
        nan: name.endsWith('_softfloat') ? 'payload' : 'canonical',
      });
    }
  });
});

describe.each(setsOf(families.stochasticOperations))('lines of $set', ({ set: name, parts }) => {
  it.runIf(hasGolden(name))('are right with the random integer as an operand', async () => {
    const set = loadGolden(name);
    for (const [c, label] of set.header.rounding!.entries()) {
      const [variant, bits] = label.split('_N') as [StochasticVariant, string];
      await check(set, parts, c, { rounding: 'stochastic', variant, randomBits: Number(bits) }, bits);
    }
  });
});
