/**
 * The readers of every kind of file that the product reads, given bytes that were changed at random, without the commands around
 * them, so that many cases take little: each is read right, which is held against another reading, or refused in one line.
 * HALFULP_HOSTILE sets the number of cases.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig, readPointer, readRecords, readResult } from '../../src/cli/run-files.ts';
import { readSweep } from '../../src/cli/sweep/definition.ts';
import { FileFormatError, readNpy } from '../../src/model-files/npy.ts';
import { csvData } from '../../src/train/csv.ts';
import { fnv1a64 } from '../../src/train/hash.ts';
import { readIdx } from '../../src/train/idx.ts';
import {
  decodeCheckpoint,
  decodeState,
  encodeCheckpoint,
  encodeState,
  recipeFrom,
} from '../../src/train/index.ts';
import type { SavedArray } from '../../src/train/stores/index.ts';
import { type VectorForm, vectorText, verify } from '../../src/vectors/index.ts';
import {
  engineWords,
  expectBoundedMemory,
  expectRefusal,
  hostileBytes,
  hostileJson,
  inTime,
} from '../hostile.ts';
import { config, idx, namedRecipes, npy, records, result, sweep, wholeRecipes } from '../right-files.ts';

const numRuns = Number(process.env['HALFULP_HOSTILE'] ?? 1000);
const seed = 31;
const hour = 36_000_000;

/** Bytes of a header's length and of a header, and arrays after them. */
function sealed(header: string, arrays: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + arrays.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(arrays, 8 + text.length);
  return bytes;
}

/** Files in the safetensors format: bytes changed, the header changed, and the state changed with a hash that fits. */
function hostileSaved(whole: Uint8Array): fc.Arbitrary<Uint8Array> {
  const length = Number(new DataView(whole.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(whole.subarray(8, 8 + length)));
  const arrays = whole.subarray(8 + length);
  const withState = (state: string): string => {
    const stateHash = fnv1a64(new TextEncoder().encode(state));
    return JSON.stringify({ ...header, __metadata__: { ...header.__metadata__, state, stateHash } });
  };
  return fc.oneof(
    hostileBytes(whole),
    hostileJson(header).map((text) => sealed(text, arrays)),
    hostileJson(JSON.parse(header.__metadata__.state)).map((state) => sealed(withState(state), arrays)),
  );
}

const optimizers = [{ kind: 'SGD', counters: { iterations: 2 }, parameters: [], clock: 0 }];
const weights = { dtype: 'F32', shape: [2, 1], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) } as const;
const state = encodeState({
  state: {
    ...{ version: 1, recipe: 'x', seed: 1, steps: 5, clocks: { w: 2 }, optimizers },
    ...{
      draws: { 'w/forward.x': [2, 7] },
      phase: 0,
      emulation: { cursor: 0 },
      program: { losses: [1, 0.5] },
    },
  },
  arrays: new Map<string, SavedArray>([
    ['weights/w/values', weights],
    ['weights/w/empty', { dtype: 'U8', shape: [0], data: new Uint8Array() }],
  ]),
});
const identity = {
  ...{ recipe: 'a', model: { kind: 'mlp' }, seed: 1, steps: 5, learningRate: 0.1, evaluateEvery: 2 },
  ...{ evaluationWindows: 2, probeEvery: 0, gradientDraws: 0, backend: 'cpu', numerics: '1-a', data: 'b' },
};
const checkpoint = encodeCheckpoint({
  state: { version: 1, identity, step: 3, phase: 0, optimizer: { beta1Power: 0.5 }, seconds: 1.5 },
  arrays: new Map([['weights/w', weights]]),
});

/** Numbers of a `.npy` file by another reading than ours, or null where it is not of the simplest kind. */
function simpleNpy(bytes: Uint8Array): number[] | null {
  if (Buffer.from(bytes.subarray(0, 8)).toString('latin1') !== '\x93NUMPY\x01\x00') return null;
  const text = Buffer.from(bytes.subarray(10)).toString('latin1');
  const [, descr, shape] =
    /^\{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([\d, ]*)\), \} *\n/.exec(text) ?? [];
  const readers = { '<f4': ['readFloatLE', 4], '|u1': ['readUInt8', 1], '<i2': ['readInt16LE', 2] } as const;
  if (!Object.hasOwn(readers, descr ?? '')) return null;
  const [read, size] = readers[descr as '<f4'];
  const sides = shape!
    .split(',')
    .filter((side) => side.trim() !== '')
    .map(Number);
  const start = 10 + Buffer.from(bytes).readUInt16LE(8);
  const count = sides.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, i) => Buffer.from(bytes)[read](start + size * i));
}

const table = Buffer.from(
  `kind;x;y\n${Array.from({ length: 12 }, (_, i) => `${'abé'[i % 3]};${i};0.5\n`).join('')}`,
);
const images = idx([6, 2, 2], 24);
const operation = { format: 'e2m1', count: 8, level: 1 } as const;

/** Reads what was changed and holds it against what is right; throws what the reader throws. */
type Reader = (given: never) => unknown;

const readers: Readonly<Record<string, readonly [fc.Arbitrary<unknown>, Reader]>> = {
  recipes: [
    hostileJson(...wholeRecipes, ...namedRecipes),
    (text: string) => {
      const read = recipeFrom(JSON.parse(text));
      const json = JSON.stringify(read);
      expect(JSON.stringify(recipeFrom(JSON.parse(json)))).toBe(json);
    },
  ],
  sweeps: [
    hostileJson({ ...sweep, data: { text: 'book' } }),
    (text: string) => {
      const { arms, seeds } = readSweep(JSON.parse(text));
      expect(arms.length * seeds.length).toBeGreaterThan(0);
    },
  ],
  states: [
    hostileSaved(state),
    (bytes: Uint8Array) => {
      const again = encodeState(decodeState(bytes, 'x'));
      expect(encodeState(decodeState(again))).toEqual(again);
    },
  ],
  checkpoints: [
    hostileSaved(checkpoint),
    (bytes: Uint8Array) => {
      const again = encodeCheckpoint(decodeCheckpoint(bytes, 'x'));
      expect(encodeCheckpoint(decodeCheckpoint(again))).toEqual(again);
    },
  ],
  IDX: [
    hostileBytes(images, idx([6], 6), idx([2, 1, 1, 1, 3], 6)),
    async (bytes: Uint8Array) => {
      const { shape, values } = await readIdx(bytes);
      const header = 4 + 4 * bytes[3]!;
      expect(shape).toEqual(
        Array.from({ length: bytes[3]! }, (_, i) => Buffer.from(bytes).readUInt32BE(4 + 4 * i)),
      );
      expect([...values]).toEqual([...bytes.subarray(header)]);
      expect(values).toHaveLength(shape.reduce((a, b) => a * b, 1));
    },
  ],
  "gzip'd IDX": [
    hostileBytes(gzipSync(images)),
    async (bytes: Uint8Array) => {
      const { shape, values } = await readIdx(bytes);
      expect([shape, [...values]]).toEqual([[6, 2, 2], [...gunzipSync(bytes).subarray(16)]]);
    },
  ],
  CSV: [
    fc.tuple(
      hostileBytes(table, Buffer.from(table.toString(), 'latin1'), Buffer.from(table.toString(), 'utf16le')),
      fc.constantFrom(
        {},
        { label: 'x', header: true, scaling: 'range' },
        { delimiter: ';', scaling: 'none' },
      ),
    ),
    async ([bytes, options]: [Uint8Array, object]) => {
      const { training, validation, features, classes } = await csvData(bytes, options);
      for (const { inputs, labels } of [training, validation]) {
        expect(inputs).toHaveLength(labels.length * features);
        expect(inputs.every(Number.isFinite)).toBe(true);
        expect(labels.every((label) => label >= 0 && label < classes.length)).toBe(true);
      }
      expect(new Set(classes).size).toBe(classes.length);
    },
  ],
  '.npy': [
    hostileBytes(
      ...[
        npy('<f4', '(2, 3)', 24),
        npy('>f8', '(4,)', 32, 2),
        npy('|u1', '(2, 2, 2)', 8),
        npy('<i8', '()', 8),
      ],
      ...[npy('<f2', '(3, 1)', 6), npy('<i2', '(4,)', 8), npy('|b1', '(2,)', 2)],
    ),
    (bytes: Uint8Array) => {
      const { values, shape } = readNpy(bytes);
      expect(values).toHaveLength(shape.reduce((a, b) => a * b, 1));
      const simple = simpleNpy(bytes);
      if (simple !== null) expect([...values]).toEqual(simple);
    },
  ],
};

/** What is thrown for a file that is not read right, in words. */
function expectRefused(error: unknown): void {
  if (error instanceof SyntaxError) return;
  if (error instanceof FileFormatError) expect(error.message).not.toMatch(engineWords);
  else expectRefusal(error);
}

afterAll(expectBoundedMemory);

it.each(Object.entries(readers))(
  '%s',
  async (_, [given, read]) => {
    await fc.assert(
      fc.asyncProperty(given, async (changed) => {
        try {
          await inTime(() => read(changed as never));
        } catch (error) {
          if ((error as Error).name === 'AssertionError') throw error;
          expectRefused(error);
        }
      }),
      { seed, numRuns },
    );
  },
  hour,
);

describe('test vectors', () => {
  const pieces = new Map<VectorForm, Uint8Array>();
  const forms = ['testfloat', 'csv', 'jsonl', 'readmemh', 'npy'] as const;
  beforeAll(async () => {
    for (const form of forms) {
      const parts: Uint8Array[] = [];
      for await (const piece of vectorText('mul', { ...operation, form })) parts.push(Buffer.from(piece));
      pieces.set(form, Buffer.concat(parts).subarray(0, 400));
    }
  });

  it.each(forms)(
    '%s',
    async (form) => {
      await fc.assert(
        fc.asyncProperty(hostileBytes(pieces.get(form)!), async (bytes) => {
          try {
            const { lines, differing } = await inTime(() => verify('mul', [bytes], { format: 'e2m1', form }));
            expect(differing).toBeLessThanOrEqual(lines);
          } catch (error) {
            if ((error as Error).name === 'AssertionError') throw error;
            expectRefusal(error);
          }
        }),
        { seed, numRuns },
      );
    },
    hour,
  );
});

describe('what a run leaves', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'halfulp-readers-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const lines = fc
    .array(fc.oneof(hostileJson(...records), fc.constantFrom(...records.map((one) => JSON.stringify(one)))), {
      maxLength: 6,
    })
    .map((texts) => texts.join('\n'));
  const pointer = { file: 'checkpoint-00000003.safetensors', step: 3 };

  it.each<[string, fc.Arbitrary<string>, (place: string) => unknown]>([
    ['config.json', hostileJson(config), readConfig],
    ['result.json', hostileJson(result), readResult],
    ['metrics.jsonl', lines, (place) => readRecords(join(place, 'metrics.jsonl'))],
    ['checkpoint.json', hostileJson(pointer), (place) => readPointer(join(place, 'checkpoint.json'))],
  ])(
    '%s',
    async (name, texts, read) => {
      await fc.assert(
        fc.asyncProperty(texts, async (text) => {
          writeFileSync(join(folder, name), text);
          try {
            await inTime(() => read(folder));
          } catch (error) {
            expectRefused(error);
          }
        }),
        { seed, numRuns },
      );
    },
    hour,
  );
});
