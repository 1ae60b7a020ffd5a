/** Checkpoints that somebody changed, with hashes that fit: every number and array is as the run's own, or refused. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { fnv1a64 } from '../../src/train/hash.ts';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  labelledData,
  recipes,
  type TrainOptions,
  train,
} from '../../src/train/index.ts';

/** Data whose fields tests change at will. */
type Loose = ReturnType<typeof JSON.parse>;

const data = labelledData(
  Array.from({ length: 120 }, (_, i) => Math.sin(i)),
  Array.from({ length: 60 }, (_, i) => i % 3),
);
const model = { kind: 'mlp', name: 'test', hidden: [4], samples: 8, learningRate: 1e-2 } as const;
const recipe = recipes.bitnetTransition({ at: 0.5 });

let options: TrainOptions;
let bytes: Uint8Array;
let made: Checkpoint;

beforeAll(async () => {
  const tf: TensorFlow = await wasmBackend();
  options = { tf, model, data, recipe, steps: 6, seed: 1, evaluateEvery: 0 };
  await train({
    ...options,
    checkpointEvery: 4,
    onCheckpoint: (checkpoint) => {
      if (checkpoint.state.step === 4) bytes = encodeCheckpoint(checkpoint);
    },
  });
  made = decodeCheckpoint(bytes, 'memory');
});

const resumed = (change: (copy: { state: Loose; arrays: Map<string, Loose> }) => void) => {
  const copy = { state: structuredClone(made.state), arrays: new Map(made.arrays) };
  change(copy);
  return expect(train({ ...options, resume: copy as Checkpoint })).rejects;
};

describe('a run does not go on from', () => {
  it.each<[string, (state: Loose) => void, string]>([
    [
      'another phase',
      (state) => {
        state.phase = 9;
      },
      'resume.phase',
    ],
    [
      'an earlier phase',
      (state) => {
        state.phase = 0;
      },
      'resume.phase',
    ],
    [
      'a phase that is no number',
      (state) => {
        state.phase = '1';
      },
      'resume.state.phase',
    ],
    [
      'seconds that are no number',
      (state) => {
        state.seconds = 'x';
      },
      'resume.state.seconds',
    ],
    [
      'another step',
      (state) => {
        state.step = 5;
      },
      'resume.losses',
    ],
    [
      'a step beyond the last',
      (state) => {
        state.step = 7;
      },
      'resume.step',
    ],
    [
      'half a step',
      (state) => {
        state.step = 1.5;
      },
      'resume.state.step',
    ],
    [
      'a counter too many',
      (state) => {
        state.optimizer.momentum = 1;
      },
      'resume.optimizer.momentum',
    ],
    [
      'a counter too few',
      (state) => {
        delete state.optimizer.beta1Power;
      },
      'resume.optimizer.beta1Power',
    ],
    [
      'a power above 1',
      (state) => {
        state.optimizer.beta1Power = 1e9;
      },
      'resume.optimizer.beta1Power',
    ],
    [
      'a counter in words',
      (state) => {
        state.optimizer.step = 'x';
      },
      'resume.state.optimizer.step',
    ],
    [
      'no identity',
      (state) => {
        state.identity = null;
      },
      'resume.state.identity',
    ],
    [
      'another identity',
      (state) => {
        state.identity.extra = 1;
      },
      'resume.extra',
    ],
    [
      'another version',
      (state) => {
        state.version = 2;
      },
      'resume.state.version',
    ],
  ])('%s', async (_, change, argument) => {
    await resumed(({ state }) => change(state)).toMatchObject({ name: 'ArgumentError', argument });
  });

  const bias = 'weights/hidden.0.bias/values';
  const moment = 'optimizer/output/first/values';
  it.each<[string, (arrays: Map<string, Loose>) => void, string]>([
    ['fewer weights', (arrays) => arrays.delete(bias), `resume.${bias}`],
    ['no state of a weight', (arrays) => arrays.delete(moment), `resume.${moment}`],
    ['more arrays', (arrays) => arrays.set('weights/x/values', arrays.get(bias)), 'resume.weights/x/values'],
    ['arrays of its own', (arrays) => arrays.set('x', arrays.get(bias)), 'resume'],
    ['another type', (arrays) => arrays.set(bias, { ...arrays.get(bias), dtype: 'I32' }), `resume.${bias}`],
    ['another shape', (arrays) => arrays.set(bias, { ...arrays.get(bias), shape: [2, 2] }), `resume.${bias}`],
    ['other losses', (arrays) => arrays.set('losses', arrays.get(bias)), 'resume.losses'],
    ['no losses', (arrays) => arrays.delete('losses'), 'resume.losses'],
  ])('%s', async (_, change, argument) => {
    await resumed(({ arrays }) => change(arrays)).toMatchObject({ name: 'ArgumentError', argument });
  });

  it('what is no checkpoint', async () => {
    for (const resume of [null, 5, {}, { state: null, arrays: null }, { state: made.state, arrays: {} }])
      await expect(train({ ...options, resume: resume as never })).rejects.toMatchObject({
        name: 'ArgumentError',
        argument: expect.stringMatching(/^resume/),
      });
  });
});

/** The file with another header and other bytes behind it. */
function fileOf(header: unknown, behind: Uint8Array = bytes.subarray(8 + headerLength())): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + behind.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(behind, 8 + text.length);
  return file;
}

const headerLength = (): number => Number(new DataView(bytes.buffer).getBigUint64(0, true));
const headerOf = (): Loose => JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength())));

describe('a file is damaged where', () => {
  it.each<[string, () => Uint8Array, RegExp]>([
    [
      'arrays have a gap between them',
      () => {
        const header = headerOf();
        const [, second] = Object.keys(header).filter((name) => name !== '__metadata__');
        header[second!].data_offsets = header[second!].data_offsets.map((at: number) => at + 4);
        return fileOf(header);
      },
      /it begins at \d+, not at \d+, where the last tensor ends/,
    ],
    [
      'arrays overlap',
      () => {
        const header = headerOf();
        const names = Object.keys(header).filter((name) => name !== '__metadata__');
        header[names[2]!] = header[names[1]!];
        return fileOf(header);
      },
      /not at/,
    ],
    [
      'bytes follow the last array',
      () => fileOf(headerOf(), new Uint8Array([...bytes.subarray(8 + headerLength()), 0])),
      /the tensors end at byte \d+ of \d+ bytes/,
    ],
    ['the header nests without end', () => fileOf('['.repeat(100_000)), /nests deeper/],
    [
      'the header has a name twice',
      () => {
        const text = JSON.stringify(headerOf());
        return fileOf(`${text.slice(0, -1)},"losses":${JSON.stringify(headerOf().losses)}}`);
      },
      /key losses twice/,
    ],
    ['the header is a number', () => fileOf(5), /header: got 5/],
    ['there is no metadata', () => fileOf({}, new Uint8Array()), /header\.__metadata__/],
    ['metadata have __proto__', () => fileOf('{"__metadata__": {"__proto__": 1}}'), /__proto__/],
    ['an array is null', () => fileOf({ ...headerOf(), losses: null }), /header\.losses/],
    [
      'a type is a method',
      () => fileOf({ ...headerOf(), losses: { ...headerOf().losses, dtype: 'toString' } }),
      /header\.losses\.dtype/,
    ],
    [
      'a shape is absurd',
      () => fileOf({ ...headerOf(), losses: { ...headerOf().losses, shape: [2 ** 32, 2 ** 32] } }),
      /do not fit together/,
    ],
    [
      'hashes are null',
      () => fileOf({ ...headerOf(), __metadata__: { ...headerOf().__metadata__, hashes: 'null' } }),
      /hashes/,
    ],
    [
      'an array has no hash',
      () => fileOf({ ...headerOf(), __metadata__: { ...headerOf().__metadata__, hashes: '{}' } }),
      /does not match its hash/,
    ],
    [
      'the state is a list',
      () => {
        const header = headerOf();
        const state = '[]';
        header.__metadata__ = {
          ...header.__metadata__,
          state,
          stateHash: fnv1a64(new TextEncoder().encode(state)),
        };
        return fileOf(header);
      },
      /state: got an array/,
    ],
  ])('%s', (_, file, message) => {
    expect(() => decodeCheckpoint(file(), 'a.st')).toThrow(
      expect.objectContaining({ name: 'ArgumentError', message: expect.stringMatching(message) }),
    );
    expect(() => decodeCheckpoint(file(), 'a.st')).toThrow(/^a\.st is damaged: [^\n]*$/);
  });

  it('anything is changed: bytes cut, turned over, put in', () => {
    const place = fc.nat({ max: 100_000 });
    const change = fc.oneof(
      fc.tuple(fc.constant('cut'), place, fc.nat(255)),
      fc.tuple(fc.constant('set'), place, fc.nat(255)),
      fc.tuple(fc.constant('insert'), place, fc.nat(255)),
    );
    fc.assert(
      fc.property(change, ([kind, at, byte]) => {
        const where = at % bytes.length;
        const list = [...bytes];
        if (kind === 'cut') list.length = where;
        else list.splice(where, kind === 'set' ? 1 : 0, byte);
        if (kind === 'set' && bytes[where] === byte) return;
        let read: Checkpoint;
        try {
          read = decodeCheckpoint(Uint8Array.from(list), 'a.st');
        } catch (error) {
          expect(error).toMatchObject({
            name: 'ArgumentError',
            message: expect.stringMatching(/^a\.st is damaged: /),
          });
          return;
        }
        // Only white space of the header can change without being told.
        expect(read).toEqual(made);
      }),
      { seed: 30, numRuns: 400 },
    );
  });
});
