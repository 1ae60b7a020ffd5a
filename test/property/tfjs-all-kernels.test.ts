/**
 * Every kernel that TensorFlow.js registers, on each backend, under emulation: arithmetic is the rounded result of the stock
 * kernel on rounded operands, kernels that carry values give what the stock kernel gives, and what the stock kernel refuses
 * is refused. Shapes and numbers are drawn at random.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError, type Quantizer, round } from '../../src/index.ts';
import { type Emulation, emulate, wasmBackend } from '../../src/tfjs/index.ts';
import type { Drawn, Inputs, Operand } from '../kernel-table/draws.ts';
import type { Entry, Kind } from '../kernel-table/entry.ts';
import { kernelTable, leftOut } from '../kernel-table/index.ts';
import { type Outcome, type Result, run, sideOf } from '../kernel-table/run.ts';

const tf = await wasmBackend();
const table = kernelTable(tf);
/** The kernels as they are without emulation. */
const stock = { cpu: sideOf(tf, 'cpu'), wasm: sideOf(tf, 'wasm') };
type BackendName = keyof typeof stock;

/** With the kernels that emulation adds. */
async function namesOn(backend: BackendName): Promise<string[]> {
  await tf.setBackend(backend);
  return emulate.scope(tf, {}, () => [...sideOf(tf, backend).kernels.keys()]);
}
const names = { cpu: await namesOn('cpu'), wasm: await namesOn('wasm') };

/** An operand with its float32 numbers rounded. */
function rounded(given: Operand, format: string): Operand {
  if (given.dtype !== 'float32') return given;
  return { ...given, values: Array.from(round(Float32Array.from(given.values as number[]), format)) };
}

function roundedInputs(inputs: Inputs, format: string): Inputs {
  const all = (given: Operand | readonly Operand[]): Operand | Operand[] =>
    Array.isArray(given) ? given.map((one) => rounded(one, format)) : rounded(given as Operand, format);
  if (Array.isArray(inputs)) return all(inputs) as Operand[];
  return Object.fromEntries(
    Object.entries(inputs as Record<string, Operand>).map(([key, given]) => [key, all(given)]),
  );
}

const kindOf = ({ kind }: Entry, drawn: Drawn): Kind => (typeof kind === 'function' ? kind(drawn) : kind);

/** What emulation is to make of a call. Sums in another order than the stock kernel's are compared with the cpu backend. */
function expected(backend: BackendName, name: string, drawn: Drawn, format: string): readonly Result[] {
  const entry = table[name]!;
  const kind = kindOf(entry, drawn);
  const inputs = kind === 'carried' ? drawn.inputs : roundedInputs(drawn.inputs, format);
  if (kind === 'image') {
    const { x } = inputs as Record<string, Operand>;
    const values = Float32Array.from(x!.values as number[]);
    const image = (drawn.attrs['quantizer'] as Quantizer).fakeQuantize(values, x!.shape);
    return [{ shape: x!.shape, dtype: 'float32', values: Array.from(image) }];
  }
  const side = entry.exact === true ? stock.cpu : stock[backend];
  const { results } = run(side, name, { ...drawn, inputs });
  const reads = Object.values(drawn.inputs).flat() as Operand[];
  if (kind === 'carried' || reads.every(({ dtype }) => dtype !== 'float32')) return results;
  return results.map((result) => {
    if (result.dtype !== 'float32') return result;
    return { ...result, values: Array.from(round(Float32Array.from(result.values), format)) };
  });
}

/** A call with an operand of another shape. */
const mutated = (drawn: fc.Arbitrary<Drawn>): fc.Arbitrary<Drawn> =>
  fc.tuple(drawn, fc.nat(), fc.nat(), fc.nat(3)).map(([call, which, where, how]) => {
    const inputs = Object.entries(call.inputs);
    if (inputs.length === 0) return call;
    const [key, given] = inputs[which % inputs.length]! as [string, Operand | Operand[]];
    if (Array.isArray(given)) return call;
    const axis = where % Math.max(given.shape.length, 1);
    const shape =
      given.shape.length === 0 || how === 0
        ? [...given.shape, 2]
        : how === 1
          ? given.shape.toSpliced(axis, 1)
          : given.shape.with(axis, given.shape[axis]! + (how === 2 || given.shape[axis] === 1 ? 1 : -1));
    const size = shape.reduce((product, length) => product * length, 1);
    const values = Array.from(
      { length: size },
      (_, i) => given.values[i % Math.max(given.values.length, 1)] ?? 1,
    );
    const changed = { ...given, shape, values: values as number[] };
    const replaced = Object.fromEntries(inputs.map(([name, one]) => [name, name === key ? changed : one]));
    const all = Array.isArray(call.inputs) ? (Object.values(replaced) as Operand[]) : replaced;
    return { ...call, inputs: all as Inputs };
  });

function attempt(fn: () => Outcome): Outcome | Error {
  try {
    return fn();
  } catch (error) {
    return error as Error;
  }
}

test('the table has every kernel that is registered, and no other', () => {
  const registered = new Set([...names.cpu, ...names.wasm]);
  expect([...registered].filter((name) => !(name in table) && !(name in leftOut))).toEqual([]);
  expect(Object.keys(table).filter((name) => !registered.has(name))).toEqual([]);
});

/** Its stock kernel runs for ever where images have one row or none. */
const endless = 'ResizeNearestNeighborGrad';
const options = { numRuns: 20, endOnFailure: true };

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  const tested = names[backend].filter((name) => !(name in leftOut));

  describe.each(['bfloat16', 'e4m3fn', 'e5m2'])('in %s', (format) => {
    let emulation: Emulation;
    beforeAll(async () => {
      await tf.setBackend(backend);
      emulation = await emulate(tf, { format, roles: { other: format } });
    });
    afterAll(() => emulation.stop());

    test.each(tested)('%s', (name) => {
      const entry = table[name]!;
      const emulated = sideOf(tf, backend);
      const holds = (drawn: Drawn): void => {
        if (kindOf(entry, drawn) === 'refused') {
          expect(() => run(emulated, name, drawn)).toThrow(ArgumentError);
          return;
        }
        const { results, left } = run(emulated, name, drawn);
        expect(results).toEqual(expected(backend, name, drawn, format));
        expect(left).toBeLessThanOrEqual(
          stock[backend].kernels.has(name) ? run(stock[backend], name, drawn).left : 0,
        );
      };
      fc.assert(fc.property(entry.drawn, holds), options);
    });

    // Stock kernels of the wasm backend write beyond their memory where shapes do not fit; ours have tests of their own.
    const checked = tested.filter((name) => name !== endless && stock.cpu.kernels.has(name));
    test.each(backend === 'cpu' ? checked : [])('%s refuses what the stock kernel refuses', (name) => {
      const emulated = sideOf(tf, backend);
      const holds = (drawn: Drawn): void => {
        const [ours, theirs] = [emulated, stock[backend]].map((side) =>
          attempt(() => run(side, name, drawn)),
        );
        if (theirs instanceof Error) expect(ours).toBeInstanceOf(Error);
      };
      fc.assert(fc.property(mutated(table[name]!.drawn), holds), options);
    });
  });
});
