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
import { modelConfig } from '../../src/train/index.ts';
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
import {
  book,
  config,
  idx,
  namedRecipes,
  npy,
  records,
  result,
  sweep,
  wholeRecipes,
} from '../right-files.ts';
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
