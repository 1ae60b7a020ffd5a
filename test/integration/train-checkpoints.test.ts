/** Checkpoints: a run that is stopped anywhere and taken up again ends with the same bits. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type TensorFlow, wasmBackend } from '../../src/tfjs/index.ts';
import { fnv1a64 } from '../../src/train/hash.ts';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type Recipe,
  recipes,
  type TrainOptions,
  textData,
  train,
} from '../../src/train/index.ts';

const model = {
  name: 'test',
  width: 16,
  layers: 1,
  heads: 2,
  hidden: 24,
  context: 8,
  sequences: 2,
  learningRate: 1e-2,
};
const data = textData('the quick brown fox jumps over the lazy dog. '.repeat(40));
const steps = 8;

let tf: TensorFlow;
beforeAll(async () => {
  tf = await wasmBackend();
});

interface Trace {
  readonly records: unknown[];
  readonly checkpoints: Uint8Array[];
  readonly validation: number;
}

/** Everything that a run tells, without times, and a checkpoint after each step. */
async function trace(recipe: Recipe, resume?: Checkpoint): Promise<Trace> {
  const records: unknown[] = [];
  const checkpoints: Uint8Array[] = [];
  const options: TrainOptions = {
    tf,
    model,
    data,
    recipe,
    steps,
    seed: 3,
    evaluateEvery: 2,
    evaluationWindows: 2,
    probeEvery: 4,
    checkpointEvery: 1,
    onCheckpoint: ({ state, arrays }) =>
      void checkpoints.push(encodeCheckpoint({ state: { ...state, seconds: 0 }, arrays })),
    onStep: ({ seconds: _, ...record }) => void records.push(record),
    onEvaluation: (record) => void records.push({ evaluation: true, ...record }),
    onPhase: (record) => void records.push(record),
    ...(resume === undefined ? {} : { resume }),
  };
  const { validationLoss } = await train(options);
  return { records, checkpoints, validation: validationLoss };
}

const stochastic: Recipe = {
  ...recipes.bitnetTransition({ at: 0.5, optimizerState: 'reset', rewarm: 0.2 }),
  phases: recipes
    .bitnetTransition({ at: 0.5, optimizerState: 'reset', rewarm: 0.2 })
    .phases.map((phase, i) =>
      i === 0 ? { ...phase, emulate: { format: 'bfloat16', rounding: 'stochastic' } } : phase,
    ),
};

const drawn = (format: string) =>
  ({ format, rounding: 'stochastic', scale: { per: 'row', from: 'absmax' } }) as const;
const heldStochastically = {
  kind: 'quantizer',
  least: 0,
  quantizer: { format: 'int8', rounding: 'stochastic', scale: { per: 'block', size: 32, from: 'absmax' } },
} as const;

/** Every slot of every layer, and both moments, by draws. */
const slotsAndStates: Recipe = {
  ...recipes.float32({ optimizer: { first: heldStochastically, second: heldStochastically } }),
  name: 'stochastic-slots-and-states',
  phases: recipes.float32().phases.map((phase) => ({
    ...phase,
    linear: {
      forward: { x: drawn('int8'), w: drawn('int4') },
      inputGradient: { g: drawn('e5m2'), w: drawn('int8') },
      weightGradient: { g: drawn('int8'), x: drawn('e4m3fn') },
    },
  })),
};

describe.each(
  [
    stochastic,
    slotsAndStates,
    recipes.dqt({ bits: 1.58, of: 'all', optimizer: { kind: 'adafactor' } }),
    recipes.bfloat16Weights({
      optimizer: { first: { kind: 'dynamic8', block: 64, least: 0 }, second: { kind: 'bfloat16' } },
    }),
    recipes.groupInt8Weights({ size: 128 }),
  ].map((recipe) => [recipe.name, recipe] as const),
)('%s', (_, recipe) => {
  it('ends with the same bits wherever it was stopped', async () => {
    const whole = await trace(recipe);
    expect(whole.checkpoints).toHaveLength(steps);
    for (const at of [1, 4, 5, steps]) {
      const rest = await trace(recipe, decodeCheckpoint(whole.checkpoints[at - 1]!, 'memory'));
      expect(rest.checkpoints.map(fnv1a64)).toEqual(whole.checkpoints.slice(at).map(fnv1a64));
      expect(rest.validation).toBe(whole.validation);
      expect(rest.records).toEqual(whole.records.slice(whole.records.length - rest.records.length));
    }
  });
});

describe('a checkpoint', () => {
  it('is refused by another run, by name', async () => {
    const { checkpoints } = await trace(recipes.float32());
    const resume = decodeCheckpoint(checkpoints[2]!, 'memory');
    const other = { tf, model, data, steps, seed: 3, evaluateEvery: 2, evaluationWindows: 2, probeEvery: 4 };
    await expect(train({ ...other, recipe: recipes.bitnet(), resume })).rejects.toMatchObject({
      argument: 'resume.recipe',
    });
    await expect(train({ ...other, seed: 4, recipe: recipes.float32(), resume })).rejects.toMatchObject({
      argument: 'resume.seed',
    });
  });

  it('says which file is damaged, and where', async () => {
    const [bytes] = (await trace(recipes.dqt({ bits: 4 }))).checkpoints;
    const length = Number(new DataView(bytes!.buffer).getBigUint64(0, true));
    const header = new TextDecoder().decode(bytes!.subarray(8, 8 + length));
    const entries = JSON.parse(header) as Record<string, { data_offsets: [number, number] }>;
    const name = 'weights/layers.0.mlp.up/codes';
    const place = 8 + length + entries[name]!.data_offsets[0];
    const flipped = (at: number): Uint8Array => bytes!.map((byte, i) => (i === at ? byte ^ 1 : byte));
    expect(() => decodeCheckpoint(flipped(place), 'a.st')).toThrow(
      new RegExp(`^a.st is damaged: bytes ${place} to \\d+: the array ${name.replaceAll('.', '\\.')}`),
    );
    expect(() => decodeCheckpoint(bytes!.subarray(0, place + 3), 'a.st')).toThrow(
      /a.st is damaged: header, weights\/layers\.0\.mlp\.up\/codes: it ends at byte/,
    );
    expect(() => decodeCheckpoint(bytes!.subarray(0, 5), 'a.st')).toThrow(/a.st is damaged: it has 5 bytes/);
    // Any bit of the length or the header that is turned over is found.
    for (let at = 0; at < 8 + header.trimEnd().length; at += 61)
      expect(() => decodeCheckpoint(flipped(at), 'a.st')).toThrow(/^a.st/);
  });
});
