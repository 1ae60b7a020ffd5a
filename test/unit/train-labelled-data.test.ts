/** Samples with classes: split, scaling, IDX and CSV files, and what of them is refused. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type CsvOptions, csvData } from '../../src/train/csv.ts';
import { idxData, readIdx } from '../../src/train/idx.ts';
import {
  checkLabelled,
  type LabelledData,
  labelledData,
  labelledParts,
} from '../../src/train/labelled-data.ts';
import { mnist } from '../../src/train/mnist.ts';

/** Every sample as its class and its numbers, sorted. */
const samplesOf = ({ training, validation, classes, features }: LabelledData): string[] =>
  [training, validation]
    .flatMap(({ inputs, labels }) =>
      Array.from(
        labels,
        (label, i) => `${classes[label]}: ${inputs.slice(i * features, (i + 1) * features).join()}`,
      ),
    )
    .sort();

const refusal = (argument: string, message: RegExp | string = '') =>
  expect.objectContaining({ name: 'ArgumentError', argument, message: expect.stringMatching(message) });

describe('labelledData', () => {
  const inputs = Float64Array.from({ length: 40 }, (_, i) => i);
  const labels = Array.from({ length: 20 }, (_, i) => ['b', 'a', '10', '9'][i % 4]!);

  it('keeps every sample with its class, in an order that is fixed and not that of the input', () => {
    const data = labelledData(inputs, labels, { validationFraction: 0.25 });
    expect(data).toMatchObject({ name: 'samples', features: 2, classes: ['9', '10', 'a', 'b'] });
    expect([data.training.labels.length, data.validation.labels.length]).toEqual([15, 5]);
    expect(samplesOf(data)).toEqual(labels.map((label, i) => `${label}: ${2 * i},${2 * i + 1}`).sort());
    expect([...data.training.inputs]).not.toEqual([...inputs.slice(0, 30)]);
    expect(labelledData(inputs, labels, { validationFraction: 0.25 })).toEqual(data);
  });

  it('scales by the training part alone', () => {
    const training = { inputs: Float32Array.of(1, 10, 7, 2, 10, 7, 6, 10, 7), labels: ['a', 'b', 'a'] };
    const validation = { inputs: Float32Array.of(11, 12, 7), labels: ['b'] };
    const scaled = (scaling: 'standard' | 'range' | 'none') => {
      const data = labelledParts(training, validation, 3, { scaling });
      return [[...data.training.inputs], [...data.validation.inputs]];
    };
    expect(scaled('none')).toEqual([[...training.inputs], [...validation.inputs]]);
    // Columns without variation are 0, in the validation part too.
    expect(scaled('range')).toEqual([[0, 0, 0, 0.2, 0, 0, 1, 0, 0].map(Math.fround), [2, 0, 0]]);
    const deviation = Math.sqrt(14 / 3);
    expect(scaled('standard')).toEqual([
      [-2 / deviation, 0, 0, -1 / deviation, 0, 0, 3 / deviation, 0, 0].map(Math.fround),
      [8 / deviation, 0, 0].map(Math.fround),
    ]);
  });

  it.each<[string, () => unknown, string, RegExp]>([
    ['numbers that are no multiple', () => labelledData([1, 2, 3], ['a', 'b']), 'inputs', /3 numbers/],
    ['one sample', () => labelledData([1], ['a']), 'labels', /1 labels/],
    ['one class', () => labelledData([1, 2, 3], ['a', 'a', 'a']), 'data.classes', /2 to 65536 classes/],
    [
      'a number that is not finite',
      () => labelledData([1, Number.NaN, 2, 3, 4], [0, 1, 0, 1, 0], { validationFraction: 0.2 }),
      'data.',
      /finite/,
    ],
    [
      'a fraction of 1',
      () => labelledData([1, 2], [0, 1], { validationFraction: 1 }),
      'validationFraction',
      /below 1/,
    ],
    [
      'an unknown scaling',
      () => labelledData([1, 2, 3], [0, 1, 0], { scaling: 'log' as 'none' }),
      'scaling',
      /standard, range, none/,
    ],
  ])('refuses %s', (_, make, argument, message) => {
    expect(make).toThrow(
      expect.objectContaining({
        argument: expect.stringContaining(argument),
        message: expect.stringMatching(message),
      }),
    );
  });

  it('refuses a class that has no sample to train on, by name', () => {
    const part = (...names: string[]) => ({ inputs: new Float32Array(names.length), labels: names });
    expect(() => labelledParts(part('cat', 'dog'), part('cow'), 1)).toThrow(
      refusal('data.training', /no sample of class cow/),
    );
    const data = labelledParts(part('cat', 'dog'), part('dog'), 1);
    expect(() => checkLabelled({ ...data, classes: ['cat', 'dog', 'cow'] })).toThrow(
      refusal('data.training', /no sample of class cow/),
    );
    expect(() => checkLabelled({ ...data, features: 2 })).toThrow(
      refusal('data.training.inputs', /2 numbers/),
    );
    expect(() =>
      checkLabelled({ ...data, training: { ...data.training, labels: Int32Array.of(0, 2) } }),
    ).toThrow(refusal('data.training.labels[1]'));
  });
});

/** An IDX file of unsigned bytes. */
function idx(shape: readonly number[], values: readonly number[], type = 8): Uint8Array {
  const header = new Uint8Array(4 + 4 * shape.length);
  header.set([0, 0, type, shape.length]);
  shape.forEach((extent, i) => {
    new DataView(header.buffer).setUint32(4 + 4 * i, extent);
  });
  return Uint8Array.from([...header, ...values]);
}

describe('IDX files', () => {
  const pixels = Array.from({ length: 24 }, (_, i) => (i * 37) % 256);
  const images = idx([6, 2, 2], pixels);
  const labels = idx([6], [3, 5, 3, 5, 3, 5]);

  it('become bytes over 255 and the labels that occur', async () => {
    const data = await idxData({ images, labels }, { name: 'shapes', validationFraction: 0.5 });
    expect(data).toMatchObject({ name: 'shapes', features: 4, classes: ['3', '5'] });
    const expected = Array.from({ length: 6 }, (_, i) => {
      const values = pixels.slice(4 * i, 4 * i + 4).map((value) => Math.fround(value / 255));
      return `${i % 2 === 0 ? 3 : 5}: ${values.join()}`;
    });
    expect(samplesOf(data)).toEqual(expected.sort());
    expect(await readIdx(images)).toEqual({ shape: [6, 2, 2], values: Uint8Array.from(pixels) });
  });

  it('may be gzipped, and have files of their own to validate', async () => {
    const validation = { images: gzipSync(idx([1, 2, 2], [0, 255, 0, 51])), labels: gzipSync(idx([1], [5])) };
    const data = await idxData({ images: gzipSync(images), labels, validation });
    expect(data.training.labels).toEqual(Int32Array.of(0, 1, 0, 1, 0, 1));
    expect([...data.training.inputs]).toEqual(pixels.map((value) => Math.fround(value / 255)));
    expect(data.validation).toEqual({
      inputs: Float32Array.of(0, 1, 0, 0.2),
      labels: Int32Array.of(1),
    });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /got '0 bytes'/],
    ['another format', new TextEncoder().encode('PNG not IDX'), /magic number 50 4e 47 20/],
    ['no dimension', Uint8Array.of(0, 0, 8, 0), /magic number/],
    ['floats', idx([1, 1, 1], [0, 0, 0, 0], 13), /type 0x0d, 32-bit floats/],
    ['an unknown type', idx([1, 1, 1], [0], 7), /type 0x07, which is unknown/],
    ['half a header', images.slice(0, 10), /header of 16 bytes for 3 dimensions/],
    [
      'a file cut off',
      images.slice(0, 30),
      /30 bytes.*40 bytes, as the sizes 6 x 2 x 2 in its header say: it is cut off/,
    ],
    ['a byte too many', Uint8Array.from([...images, 0]), /41 bytes.*40 bytes/],
    ['labels in their place', labels, /1 dimension/],
    ['half a gzip stream', gzipSync(images).subarray(0, 25), /whole gzip stream/],
  ])('refuse %s', async (_, damaged, message) => {
    await expect(idxData({ images: damaged, labels })).rejects.toThrow(refusal('images', message));
  });

  it('refuse what does not fit together', async () => {
    const of = (name: string, message: RegExp) => refusal(name, message);
    await expect(idxData({ images, labels: idx([5], [0, 1, 0, 1, 0]) })).rejects.toThrow(
      of('labels', /5 labels.*accepted: 6/),
    );
    await expect(idxData({ images, labels: images })).rejects.toThrow(of('labels', /6 x 2 x 2/));
    await expect(
      idxData({ images, labels, validation: { images: idx([1, 1, 3], [1, 2, 3]), labels: idx([1], [3]) } }),
    ).rejects.toThrow(of('validation.images', /3 values an image/));
    await expect(
      idxData({
        images,
        labels,
        validation: { images: idx([1, 2, 2], [1, 2, 3, 4]), labels: idx([1], [4]) },
      }),
    ).rejects.toThrow(of('data.training', /no sample of class 4/));
  });
});

describe('CSV tables', () => {
  const plain = { scaling: 'none', validationFraction: 0.5 } as const;
  const samples = ['no: 1,2', 'no: 3,4', 'yes: -0.5,100', 'yes: 6,8'];

  it.each<[string, string, CsvOptions]>([
    ['without a header', 'yes,-.5,1e2\nno,1,2\nyes,6,8\nno,3,4\n', {}],
    ['with a header', 'class,x,y\nyes,-.5,1e2\nno,1,2\nyes,6,8\nno,3,4\n', {}],
    ['with the class by name', 'x,class,y\n-.5,yes,1e2\n1,no,2\n6,yes,8\n3,no,4\n', { label: 'class' }],
    ['with the class by number', 'x,y,class\n-.5,1e2,yes\n1,2,no\n6,8,yes\n3,4,no', { label: 3 }],
    ['with the number as text', '-.5,1e2,yes\n1,2,no\n6,8,yes\n3,4,no', { label: '3' }],
    ['with names that are numbers', '0,1,2\nyes,-.5,1e2\nno,1,2\nyes,6,8\nno,3,4\n', { header: true }],
    ['of another system', '\uFEFFclass;x;y\r\nyes; -.5 ;1e2\r\n\r\nno;1;+2\r\n"yes";6;8.0\r\nno;3;4\r\n', {}],
    ['with tabs', '\nclass\tx\ty\nyes\t-.5\t1e2\nno\t1\t 2\nyes\t6\t8\nno\t3\t4', {}],
    ['with bars', 'class|x;|y\nyes|-.5|1e2\nno|1|2\nyes|6|8\nno|3|4', { delimiter: '|' }],
  ])('are read %s', async (_, csv, options) => {
    const data = await csvData(csv, { ...plain, ...options });
    expect(samplesOf(data)).toEqual(samples);
    expect(data).toMatchObject({ name: 'csv', features: 2, classes: ['no', 'yes'] });
    expect(samplesOf(await csvData(new TextEncoder().encode(csv), { ...plain, ...options }))).toEqual(
      samples,
    );
  });

  it('are scaled to mean 0 and deviation 1 unless asked otherwise', async () => {
    const lines = Array.from({ length: 50 }, (_, i) => `${i % 2},${i * i},7`);
    const { training } = await csvData(lines.join('\n'));
    const column = [...training.inputs].filter((_, i) => i % 2 === 0);
    const mean = column.reduce((sum, x) => sum + x, 0) / 40;
    expect(Math.abs(mean)).toBeLessThan(1e-6);
    expect(Math.abs(column.reduce((sum, x) => sum + x * x, 0) / 40 - 1)).toBeLessThan(1e-6);
    expect([...training.inputs].filter((_, i) => i % 2 === 1).every((x) => x === 0)).toBe(true);
  });

  it.each<[string, string, CsvOptions, string, RegExp]>([
    [
      'a word among numbers',
      'c,x,y\na,1,2\nb,3,four\n',
      {},
      'csv',
      /'four' in line 3, column y.*the class is taken from column c/,
    ],
    ['an empty cell', 'a,1,2\nb,,4\n', {}, 'csv', /'' in line 2, column 2/],
    ['an empty cell between tabs', 'a\t1\t2\nb\t\t4\n', {}, 'csv', /'' in line 2, column 2/],
    ['a hexadecimal number', 'a,1,2\nb,0x10,4\n', {}, 'csv', /'0x10' in line 2/],
    ['an infinity', 'a,1,2\nb,Infinity,4\n', {}, 'csv', /'Infinity' in line 2/],
    ['a number beyond binary32', 'a,1,2\nb,1e39,4\n', {}, 'csv', /'1e39' in line 2/],
    ['a line after quoted line ends', '"a\n\nb",1,2\nb,3,x\n', {}, 'csv', /'x' in line 4/],
    ['an empty class', 'a,1,2\n,3,4\n', {}, 'csv', /an empty class in line 2/],
    ['a short line', 'a,1,2\nb,3\n', {}, 'csv', /line 2/],
    ['an open quote', 'a,1,2\n"b,3,4\n', {}, 'csv', /Quote/],
    ['a half-numeric first line', 'a,1,two\nb,3,4\n', {}, 'csv', /'two' in line 1/],
    ['a header that is none', 'c,x,y\na,1,2\n', { header: false }, 'csv', /'x' in line 1/],
    ['a single line', 'a,1,2\n', {}, 'csv', /1 samples/],
    ['nothing', '', {}, 'csv', /0 samples/],
    ['one column', 'a\nb\n', {}, 'csv', /1 column/],
    [
      'an unknown column',
      'c,x\na,1\nb,2\n',
      { label: 'species' },
      'label',
      /\(c, x\), or its number from 1 to 2/,
    ],
    ['a column out of range', 'a,1\nb,2\n', { label: 3 }, 'label', /from 1 to 2/],
    ['column 0', 'a,1\nb,2\n', { label: 0 }, 'label', /from 1 to 2/],
    ['one class', 'a,1\na,2\na,3\n', {}, 'data.classes', /2 to/],
    ['a long delimiter', 'a,1\nb,2\n', { delimiter: ', ' }, 'delimiter', /one character/],
  ])('refuse %s', async (_, csv, options, argument, message) => {
    await expect(csvData(csv, options)).rejects.toThrow(refusal(argument, message));
  });
});

describe('mnist', () => {
  it('is 8000 digits to train on and 2000 to validate, each class in both', async () => {
    const data = await mnist();
    expect(data).toMatchObject({ name: 'MNIST', features: 784, classes: [...'0123456789'] });
    const counts = (labels: Int32Array) =>
      data.classes.map((_, index) => labels.filter((label) => label === index).length);
    expect([data.training.labels.length, data.validation.labels.length]).toEqual([8000, 2000]);
    const [training, validation] = [counts(data.training.labels), counts(data.validation.labels)];
    expect(training.map((count, i) => count + validation[i]!)).toEqual([
      ...[1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978],
    ]);
    expect(Math.min(...validation)).toBeGreaterThan(140);
    const { inputs } = data.training;
    expect([inputs.reduce((a, b) => Math.min(a, b)), inputs.reduce((a, b) => Math.max(a, b))]).toEqual([
      0, 1,
    ]);
  });
});
