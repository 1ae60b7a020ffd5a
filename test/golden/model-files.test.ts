/** What `quantize` writes of MX and NVFP4 tensors, byte for byte in the layouts of independent implementations. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpack } from '../../src/formats/index.ts';
import { dequantizeModel, quantizeModel } from '../../src/model-files/index.ts';
import { bytesOf, safetensors } from '../model-file-makers.ts';
import { column, families, hasGolden, loadGolden, setsOf } from './load.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'halfulp-golden-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The tensors of a safetensors file, by a reading of its own. */
function read(path: string): (name: string) => { dtype: string; shape: number[]; bytes: Uint8Array } {
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, start).toString());
  return (name) => {
    const { dtype, shape, data_offsets: at } = header[name];
    return { dtype, shape, bytes: new Uint8Array(file.subarray(start + at[0], start + at[1])) };
  };
}

/** Quantises one tensor into a file, and gives its parts and its values. */
async function filed(x: Float32Array, shape: number[], to: string) {
  const [model, codes, values] = ['m', 'c', 'v'].map((name) => join(folder, `${name}.safetensors`));
  writeFileSync(model!, safetensors([{ name: 'w', dtype: 'F32', shape, bytes: bytesOf(x) }]));
  await quantizeModel(model!, { to, out: codes! });
  await dequantizeModel(codes!, { out: values! });
  return { parts: read(codes!), values: new Float32Array(read(values!)('w').bytes.buffer) };
}

const mxNames = {
  fp8_e4m3: 'mxfp8e4m3',
  fp8_e5m2: 'mxfp8e5m2',
  fp6_e3m2: 'mxfp6e3m2',
  fp6_e2m3: 'mxfp6e2m3',
  fp4_e2m1: 'mxfp4',
  int8: 'mxint8',
} as const;

describe.each(setsOf(families.mxBlocks))('MX blocks: $set', ({ set: name }) => {
  const set = hasGolden(name) ? loadGolden(name) : undefined;
  if (set === undefined) it.skip('not at hand');
  const there = set === undefined ? [] : [...set.columns.keys()];
  const theirs = Object.keys(mxNames).filter((one) => there.includes(`${one}.ocp_rne.codes`));

  it.runIf(set !== undefined).each(theirs)('%s', async (one) => {
    const input = column<Float32Array>(set!, 'input_f32');
    const { parts, values } = await filed(
      input,
      [input.length / 32, 32],
      mxNames[one as keyof typeof mxNames],
    );
    expect(parts('w_scale')).toMatchObject({ dtype: 'U8', shape: [input.length / 32, 1] });
    expect(parts('w_scale').bytes).toEqual(column(set!, `${one}.ocp_rne.scaleE8M0`));
    const { shape, bytes } = parts('w');
    const bits = (shape[1]! * 8) / 32;
    const element = { 8: 'uint8', 6: 'uint6', 4: 'uint4' } as const;
    expect(unpack(bytes, element[bits as 8], input.length)).toEqual(column(set!, `${one}.ocp_rne.codes`));
    const dequantised = there.find((column) => column.startsWith(`${one}.ocp_rne.dequant`));
    if (dequantised !== undefined) expect(values).toEqual(column(set!, dequantised));
  });
});

describe.each(setsOf(families.nvfp4))('NVFP4: $set', ({ set: name }) => {
  const set = hasGolden(name) ? loadGolden(name) : undefined;
  if (set === undefined) it.skip('not at hand');
  const cases = [...(set?.columns.keys() ?? [])].filter((one) => one.endsWith('.1d.fp4x2'));

  it.runIf(set !== undefined).each(cases)('%s', async (one) => {
    const [of] = one.split('.');
    const input = column<Float32Array>(set!, `${of}.input_f32`);
    const { parts } = await filed(input, [64, 128], 'nvfp4');
    expect(parts('w')).toEqual({ dtype: 'U8', shape: [64, 64], bytes: column(set!, one) });
    expect(parts('w_scale')).toEqual({
      ...{ dtype: 'F8_E4M3', shape: [64, 8], bytes: column(set!, `${of}.1d.scale_e4m3`) },
    });
  });
});
