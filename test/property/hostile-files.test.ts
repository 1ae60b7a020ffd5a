/**
 * Files of every kind that the product reads, changed at random: each is read right or refused in one line by an
 * ArgumentError, in bounded time and memory, and nothing is written but where it was asked for.
 * HALFULP_HOSTILE sets the number of cases.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { basisOf } from '../../src/cli/sweep/basis.ts';
import { readSweep, sweepRuns } from '../../src/cli/sweep/definition.ts';
import { loadData } from '../../src/cli/training-data.ts';
import { reportStudy } from '../../src/studies/study.ts';
import { modelConfig, recipeFrom, recipes } from '../../src/train/index.ts';
import { taskOf } from '../../src/train/tasks.ts';
import {
  expectBoundedMemory,
  expectDoneOrRefused,
  expectRefusal,
  hostileBytes,
  hostileJson,
  inTime,
  treeOf,
} from '../hostile.ts';
import { testWorld } from '../unit/cli-world.ts';

const runs = Number(process.env['HALFULP_HOSTILE'] ?? 1000);
const seed = 30;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'halfulp-hostile-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  expectBoundedMemory();
});

async function command(...argv: string[]): Promise<void> {
  const world = testWorld();
  const code = await inTime(() => run(argv, world.io));
  expectDoneOrRefused(code, world);
}

const book = 'Call me Ishmael. Some years ago - never mind how long precisely.\n'.repeat(40);

const wholeRecipes = [
  recipes.bitnetTransition({ at: 0.5, rewarm: 0.1, phaseIn: { kind: 'tanh', over: 0.1 } }),
  recipes.dqt({
    bits: 4,
    of: { match: '^layers\\.0' },
    range: { deviations: 4 },
    optimizer: { kind: 'adafactor' },
  }),
  recipes.adam8bit(),
  {
    ...recipes.groupInt8Weights(),
    phases: [
      {
        ...recipes.bitnet().phases[0]!,
        layers: [{ match: 'mlp', linear: recipes.float32().phases[0]!.linear }],
      },
    ],
  },
];
const namedRecipes = [
  { recipe: 'dqt', bits: 8, rounding: 'nearest-even', range: 'absmean', ternaryInference: true },
  {
    recipe: 'bitnetTransition',
    at: 0.2,
    first: 'e5m2',
    optimizerState: 'reset',
    schedule: 'two-stage',
    name: 'mine',
  },
  { recipe: 'adam8bit', block: 256, least: 0, extraNorm: null, optimizer: { beta1: 0.8 } },
];

it('recipes', async () => {
  const file = join(folder, 'recipe.json');
  await fc.assert(
    fc.asyncProperty(hostileJson(...wholeRecipes, ...namedRecipes), async (text) => {
      writeFileSync(file, text);
      await command('train', file, '--roles');
    }),
    { seed, numRuns: runs },
  );
  expect(treeOf(folder)).toEqual(['recipe.json']);
}, 3_600_000);

it('recipes, as data', () => {
  fc.assert(
    fc.property(hostileJson(...wholeRecipes, ...namedRecipes), (text) => {
      try {
        recipeFrom(JSON.parse(text));
      } catch (error) {
        if (!(error instanceof SyntaxError)) expectRefusal(error);
      }
    }),
    { seed: seed + 1, numRuns: runs },
  );
}, 3_600_000);

const sweep = {
  ...{
    name: 'bits',
    title: 'Bits',
    claim: 'So.',
    model: 'llama-tiny',
    steps: 10,
    seeds: [1, 2],
    baseline: 'float32',
  },
  ...{ secondsPerStep: 0.1, evaluateEvery: 5, probeEvery: 0, checkpointEvery: 5 },
  arms: [
    { name: 'float32', recipe: { recipe: 'float32' } },
    {
      name: 'dqt{bits}-{rate}',
      grid: { bits: [8, 1.58], rate: [0.001] },
      recipe: { recipe: 'dqt', bits: '{bits}' },
      learningRate: '{rate}',
      seeds: [1],
    },
  ],
  contrasts: [
    {
      name: 'of {bits} bits',
      grid: { bits: [8] },
      arm: 'dqt{bits}-0.001',
      against: ['float32'],
      of: 'trainLoss',
      as: 'ratio',
    },
  ],
};

it('sweeps', async () => {
  const file = join(folder, 'sweep.json');
  const [text, csv] = [join(folder, 'book'), join(folder, 'table')];
  writeFileSync(text, book);
  writeFileSync(csv, Array.from({ length: 30 }, (_, i) => `${'abc'[i % 3]},${i},${-i}`).join('\n'));
  const texts = { ...sweep, data: { text } };
  const tables = { ...sweep, model: 'mlp', data: { csv, label: 1, header: false, validation: 0.1 } };
  const before = treeOf(folder);
  await fc.assert(
    fc.asyncProperty(hostileJson(texts, tables), async (json) => {
      writeFileSync(file, json);
      await command('sweep', file, '--estimate', '--out', join(folder, 'out'));
    }),
    { seed, numRuns: runs },
  );
  expect(treeOf(folder)).toEqual([...before, 'sweep.json'].sort());
}, 3_600_000);

describe('what sweeps read of runs', () => {
  const result = {
    ...{
      steps: 10,
      seconds: 36,
      validationLoss: 2,
      trainLoss: 2,
      validationPredictions: 94912,
      perplexity: 7,
    },
    ...{ bitsPerWeight: 32, interrupted: false, divergence: null, peakMemory: 1e8, validationAccuracy: 0.5 },
    memory: { weights: 1, optimizerState: 2, gradients: 1, total: 8, bytesPerParameter: 16 },
    inference: [{ name: 'ternary', loss: 3, accuracy: 0.5 }],
    spike: { step: 5, height: 0.5, excess10: 0.25, excess50: 0.1, recoverySteps: 3 },
  };
  const config = {
    training: {},
    text: { name: 'Moby-Dick', trainingCharacters: 1091828, validationCharacters: 94942, vocabulary: 81 },
    environment: {
      cpu: 'EPYC',
      cores: 2,
      memoryGiB: 24,
      node: '20.1.0',
      packages: { '@tensorflow/tfjs': '4' },
    },
  };
  const records = [
    { type: 'step', step: 1, loss: 3, gradientNorm: 1, probes: { weights: { flipRate: 0.5, stepRatio: 2 } } },
    { type: 'phase', step: 5, phase: 1 },
    { type: 'evaluation', step: 5, loss: 2.5, accuracy: 0.4 },
    { type: 'evaluation', step: 10, loss: 2.25, accuracy: 0.4 },
    { type: 'result', steps: 10 },
  ];
  const right = {
    'result.json': JSON.stringify(result),
    'config.json': JSON.stringify(config),
    'metrics.jsonl': records.map((record) => JSON.stringify(record)).join('\n'),
  };
  const hostileLines = fc
    .array(
      fc.oneof(hostileJson(...records), fc.constantFrom(...records.map((record) => JSON.stringify(record)))),
      {
        maxLength: 6,
      },
    )
    .map((lines) => lines.join('\n'));

  it.each([
    ['result.json', hostileJson(result)],
    ['config.json', hostileJson(config)],
    ['metrics.jsonl', hostileLines],
  ] as const)(
    '%s',
    async (name, texts) => {
      const file = join(folder, 'sweep.json');
      const out = join(folder, 'report');
      const text = join(folder, 'book');
      writeFileSync(text, book);
      writeFileSync(file, JSON.stringify({ ...sweep, data: { text } }));
      const basis = basisOf(taskOf(modelConfig('llama-tiny'), await loadData('llama-tiny', { text })));
      const [run] = sweepRuns(readSweep(sweep), basis);
      const place = join(out, 'trained', run!.id);
      mkdirSync(place, { recursive: true });
      await fc.assert(
        fc.asyncProperty(texts, async (text) => {
          for (const [other, content] of Object.entries(right)) writeFileSync(join(place, other), content);
          writeFileSync(join(place, name), text);
          await command('sweep', file, '--report', '--out', out);
          await inTime(() => reportStudy(file, join(out, 'page.md'), out).catch(expectRefusal));
        }),
        { seed, numRuns: Math.ceil(runs / 20) },
      );
      rmSync(out, { recursive: true });
    },
    3_600_000,
  );
});

/** A `.npy` file of format version 1 or 2. */
function npy(descr: string, shape: string, bytes: number, version = 1): Uint8Array {
  const header = `${`{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117, ' ')}\n`;
  const length = version === 1 ? [header.length, 0] : [header.length, 0, 0, 0];
  const begin = [0x93, ...Buffer.from('NUMPY'), version, 0, ...length, ...Buffer.from(header)];
  return Uint8Array.from([...begin, ...Array.from({ length: bytes }, (_, i) => (i * 37) % 256)]);
}

it('tensors', async () => {
  const files = [
    npy('<f4', '(2, 3)', 24),
    npy('>f8', '(4,)', 32, 2),
    npy('|u1', '(2, 2, 2)', 8),
    npy('<i8', '()', 8),
  ];
  const bytes = join(folder, 'x.npy');
  const text = join(folder, 'x.json');
  await fc.assert(
    fc.asyncProperty(
      hostileBytes(...files),
      hostileJson(
        [
          [1, 2.5],
          [3, -4],
        ],
        [1, 2, 3],
      ),
      async (binary, json) => {
        writeFileSync(bytes, binary);
        await command('analyze', '--data', bytes, '--formats', 'int8,e4m3fn/block:4', '--json');
        writeFileSync(text, json);
        await command('analyze', '--data', text, '--formats', 'int8');
      },
    ),
    { seed, numRuns: runs },
  );
}, 3_600_000);

it('tables and images', async () => {
  const idx = (shape: number[], bytes: number): Uint8Array => {
    const head = shape.flatMap((extent) => [0, 0, extent >> 8, extent & 255]);
    return Uint8Array.from([
      0,
      0,
      8,
      shape.length,
      ...head,
      ...Array.from({ length: bytes }, (_, i) => i % 3),
    ]);
  };
  const images = idx([6, 2, 2], 24);
  const labels = idx([6], 6);
  const table = Buffer.from(
    `kind;x;y\n${Array.from({ length: 12 }, (_, i) => `${'abé'[i % 3]};${i};0.5\n`).join('')}`,
  );
  const at = (name: string, content: Uint8Array): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const loaded = async (options: object): Promise<void> => {
    try {
      const data = await inTime(() => loadData('mlp', options));
      expect('classes' in data && data.training.inputs.every(Number.isFinite)).toBe(true);
    } catch (error) {
      expectRefusal(error);
    }
  };
  const tables = [table, Buffer.from(table.toString(), 'latin1'), Buffer.from(table.toString(), 'utf16le')];
  await fc.assert(
    fc.asyncProperty(
      hostileBytes(images, gzipSync(images)),
      hostileBytes(labels, gzipSync(labels)),
      hostileBytes(...tables),
      async (some, others, csv) => {
        await loaded({ images: at('some', some), labels: at('labels', labels) });
        await loaded({ images: at('images', images), labels: at('others', others) });
        await loaded({ csv: at('table', csv) });
        await loaded({ csv: at('table', csv), label: 'x', header: true, scaling: 'range' });
      },
    ),
    { seed, numRuns: runs },
  );
}, 3_600_000);
