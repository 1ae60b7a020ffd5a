/** Data as the command line names them: which options go together, and what of a file is refused by its option. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  addDataOptions,
  type DataOptions,
  dataArguments,
  dataOptions,
  modelFor,
  readDataOptions,
} from '../../src/cli/data-options.ts';
import { describeData, identifyData, loadData } from '../../src/cli/training-data.ts';
import type { LabelledData } from '../../src/train/index.ts';
import { withFolder } from './cli-world.ts';

const read = (...argv: string[]): DataOptions =>
  dataOptions(addDataOptions(new Command()).exitOverride().parse(argv, { from: 'user' }).opts());

const refusal = (argument: string, message: RegExp) =>
  expect.objectContaining({ name: 'ArgumentError', argument, message: expect.stringMatching(message) });

describe('options for data', () => {
  it.each<[string[], DataOptions, string]>([
    [[], {}, 'llama-tiny'],
    [['--text', 'a.txt'], { text: 'a.txt' }, 'llama-tiny'],
    [['--data', 'moby-dick', '--validation', '.2'], { data: 'moby-dick', validation: 0.2 }, 'llama-tiny'],
    [['--data', 'mnist'], { data: 'mnist' }, 'mlp'],
    [['--images', 'a', '--labels', 'b'], { images: 'a', labels: 'b' }, 'mlp'],
    [['--csv', 'a', '--no-header', '--label', '5'], { csv: 'a', header: false, label: '5' }, 'mlp'],
    [['--csv', 'a', '--header', '--scaling', 'range'], { csv: 'a', header: true, scaling: 'range' }, 'mlp'],
  ])('%j are read, said again, and find their model', (argv, options, model) => {
    expect(read(...argv)).toEqual(options);
    expect(read(...dataArguments(options))).toEqual(options);
    expect(readDataOptions(options)).toEqual(options);
    expect(modelFor(options)).toBe(model);
  });

  it.each<[string[], string, RegExp]>([
    [['--text', 'a', '--csv', 'b'], '--csv', /nothing beside --text/],
    [['--data', 'mnist', '--images', 'b'], '--images', /nothing beside --data/],
    [['--labels', 'b'], '--labels', /beside --images/],
    [['--label', 'b'], '--label', /beside --csv/],
    [['--text', 'a', '--no-header'], '--header', /beside --csv/],
    [['--data', 'sotu'], '--data', /moby-dick, mnist/],
    [['--csv', 'a', '--scaling', 'log'], '--scaling', /standard, range, none/],
    [['--validation', '1'], '--validation', /at most 0.9/],
  ])('%j are refused', (argv, argument, message) => {
    expect(() => read(...argv)).toThrow(refusal(argument, message));
  });

  it.each<[unknown, string]>([
    ['mnist', '--'],
    [{ cvs: 'a' }, '--cvs'],
    [{ csv: ['a'] }, '--csv'],
    [{ csv: 'a', header: 'yes' }, '--header'],
    [{ csv: 'a', validation: 2 }, '--validation'],
    [{ csv: 'a', text: 'b' }, '--csv'],
  ])('%j is refused as data of a sweep file', (given, argument) => {
    expect(() => readDataOptions(given)).toThrow(refusal(argument, /./));
  });
});

/** An IDX file of unsigned bytes. */
function idx(shape: readonly number[], values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((extent, i) => {
    new DataView(bytes.buffer).setUint32(4 + 4 * i, extent);
  });
  bytes.set(values, 4 + 4 * shape.length);
  return bytes;
}

const images = idx([4, 1, 2], [0, 51, 102, 153, 204, 255, 0, 51]);
const labels = idx([4], [0, 1, 0, 1]);

describe('files', () => {
  it('of images may be two, or the four of a folder', async () => {
    await withFolder(async (folder) => {
      const at = (name: string) => join(folder, name);
      writeFileSync(at('images'), images);
      writeFileSync(at('labels.gz'), gzipSync(labels));
      const options = { images: at('images'), labels: at('labels.gz'), validation: 0.5 };
      const two = (await loadData('mlp', options)) as LabelledData;
      expect(describeData(two)).toBe(
        'images: 2 samples to train on, 2 to validate, 2 numbers each, 2 classes (0, 1)',
      );
      expect(identifyData(two)).toMatchObject({
        samples: {
          name: 'images',
          features: 2,
          trainingSamples: 2,
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      });

      mkdirSync(at('four'));
      writeFileSync(at('four/train-images-idx3-ubyte'), images);
      writeFileSync(at('four/train-labels.idx1-ubyte'), labels);
      writeFileSync(at('four/t10k-images-idx3-ubyte.gz'), gzipSync(idx([1, 1, 2], [255, 0])));
      await expect(loadData('mlp', { images: at('four') })).rejects.toThrow(
        refusal('--images', /t10k-labels-idx1-ubyte/),
      );
      writeFileSync(at('four/t10k-labels-idx1-ubyte'), idx([2], [1, 0]));
      await expect(loadData('mlp', { images: at('four') })).rejects.toThrow(
        refusal('--images', /t10k-labels-idx1-ubyte.*1, one for each image; it has 2 labels/),
      );
      writeFileSync(at('four/t10k-labels-idx1-ubyte'), idx([1], [1]));
      const four = (await loadData('mlp', { images: at('four') })) as LabelledData;
      expect(four).toMatchObject({ name: 'four', features: 2 });
      expect([...four.training.labels, ...four.validation.labels]).toEqual([0, 1, 0, 1, 1]);
      for (const [more, argument] of [
        [{ labels: at('labels.gz') }, '--labels'],
        [{ validation: 0.5 }, '--validation'],
      ] as const)
        await expect(loadData('mlp', { images: at('four'), ...more })).rejects.toThrow(
          refusal(argument, /folder/),
        );
    });
  });

  it('are refused by the option that named them', async () => {
    await withFolder(async (folder) => {
      const at = (name: string, content: string | Uint8Array): string => {
        writeFileSync(join(folder, name), content);
        return join(folder, name);
      };
      const cut = at('cut', images.subarray(0, 20));
      const whole = at('whole', images);
      const csv = at('a.csv', 'class,x\na,1\nb,zwei\n');
      for (const [options, argument, message] of [
        [{ images: cut, labels: at('labels', labels) }, '--images', /24 bytes.*cut off; it has 20 bytes/],
        [{ images: whole, labels: cut }, '--labels', /it has/],
        [{ images: whole }, '--labels', /'nothing'/],
        [{ images: join(folder, 'none'), labels: cut }, '--images', /there is no such file/],
        [{ csv }, '--csv', /'zwei' in line 3, column x/],
        [{ csv, label: 'y' }, '--label', /class, x/],
        [{ csv: folder }, '--csv', /this is a folder/],
        [{ text: csv }, '--text', /samples for the model mlp/],
      ] as const)
        await expect(loadData('mlp', options)).rejects.toThrow(refusal(argument, message));
      await expect(loadData('llama-tiny', { csv })).rejects.toThrow(refusal('--csv', /--model mlp/));
    });
  });

  it('need not be: a model has data that suit it', async () => {
    expect(describeData(await loadData('llama-tiny', {}))).toMatch(
      /^Moby-Dick: 1.091.828 characters to train on/,
    );
    expect(describeData(await loadData('mlp', { validation: 0.1 }))).toMatch(
      /^MNIST: 9.000 samples to train on, 1.000 to validate, 784 numbers each, 10 classes \(0, 1, 2, 3, \.\.\.\)$/,
    );
  });
});
