/** `halfulp assign` on a run that is trained here and on files of models: what it writes is read by the commands that it is for. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/main.ts';
import { safetensorsHead } from '../../src/files/safetensors.ts';
import { numbers } from '../oracles/recipes/slots.ts';
import { writeSamples } from '../sample-files.ts';
import { testWorld, withFolder } from '../unit/cli-world.ts';

async function halfulp(...argv: string[]) {
  const world = testWorld();
  const code = await run(argv, world.io);
  return { code, out: world.stdout(), error: world.stderr() };
}

const formats = ['int2/row', 'int4/row', 'int8/row'] as const;

describe('halfulp assign', () => {
  it('measures a run on its data, draws the front, and writes a recipe that trains', async () => {
    await withFolder(async (folder) => {
      const file = (name: string): string => join(folder, name);
      const data = writeSamples(folder, 80);
      const training = [
        '--model',
        'mlp',
        '--steps',
        '4',
        '--checkpoint-every',
        '4',
        '--batch',
        '16',
        '--out',
        folder,
        '--quiet',
        ...data,
      ];
      expect((await halfulp('train', file('float32.json'), '--name', 'first', ...training)).code).toBe(0);
      for (const sensitivity of ['loss', 'hessian', 'eigenvalue'] as const) {
        const { code, out, error } = await halfulp(
          ...[
            'assign',
            file('first'),
            '--sensitivity',
            sensitivity,
            '--formats',
            formats.join(),
            '--bits',
            '5',
          ],
          ...[
            '--batches',
            '2',
            '--out',
            file(`${sensitivity}.json`),
            '--plot',
            file(`${sensitivity}.svg`),
            '--json',
            ...data,
          ],
          ...(sensitivity === 'loss' ? [] : ['--draws', '2']),
        );
        expect({ code, error }).toEqual({ code: 0, error: '' });
        const { recipe, bits, bytes, cost, front, uniform, losses } = JSON.parse(out);
        expect(JSON.parse(readFileSync(file(`${sensitivity}.json`), 'utf8'))).toEqual(recipe);
        expect(bits).toBeLessThanOrEqual(5);
        expect(uniform.map(({ format }: { format: string }) => format)).toEqual(formats);
        expect(front.exact.filter((point: { bits: number }) => point.bits <= 5).at(-1)).toEqual({
          bits,
          bytes,
          cost,
        });
        expect(losses.float32).toBeGreaterThan(0);
        if (sensitivity === 'loss') expect(uniform[2].cost).toBeLessThan(uniform[0].cost);
        expect(readFileSync(file(`${sensitivity}.svg`), 'utf8')).toMatch(/^<svg[\s\S]*all layers alike/);
      }
      const again = await halfulp('train', file('hessian.json'), '--name', 'second', ...training);
      expect(again.code).toBe(0);
      const { out } = await halfulp('train', file('hessian.json'), '--model', 'mlp', '--roles');
      expect(out).toMatch(/int[248] row absmax/);
      const other = await halfulp(
        ...['assign', file('first'), '--sensitivity', 'loss', '--validation', '0.4', ...data],
      );
      expect(other.code).toBe(2);
      expect(other.error).toContain('the data that the run was trained on');
    });
  });

  it('reads a file of a model, and writes rules with which quantize has the bytes that were foretold', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'model.safetensors');
      const tensors = [
        { name: 'a.weight', dtype: 'F32', shape: [8, 64] },
        { name: 'b.weight', dtype: 'F32', shape: [32, 4] },
        { name: 'b.bias', dtype: 'F32', shape: [32] },
      ] as const;
      const values = numbers(8 * 64 + 128 + 32, 5);
      writeFileSync(path, Buffer.concat([safetensorsHead(tensors, {}), new Uint8Array(values.buffer)]));
      for (const sensitivity of ['weights', 'sqnr']) {
        const rules = join(folder, 'rules.json');
        const given = [
          '--formats',
          'int4/block:32,int8/row,binary32',
          '--bits',
          '9',
          '--sensitivity',
          sensitivity,
        ];
        const { code, out } = await halfulp(
          'assign',
          path,
          ...given,
          '--axis',
          '0',
          '--out',
          rules,
          '--json',
        );
        expect(code).toBe(0);
        const printed = JSON.parse(out);
        expect(JSON.parse(readFileSync(rules, 'utf8'))).toEqual(printed.rules);
        const measured = await halfulp('quantize', path, '--rules', rules, '--check', '--json');
        expect(measured.code).toBe(0);
        const { tensors: reports } = JSON.parse(measured.out);
        const bytes = reports
          .filter(({ quantizer }: { quantizer: unknown }) => quantizer !== null)
          .reduce((sum: number, { bytesAfter }: { bytesAfter: number }) => sum + bytesAfter, 0);
        expect(bytes).toBe(printed.bytes);
      }
      const text = await halfulp('assign', path);
      expect(text.code).toBe(0);
      expect(text.out).toContain('all layers in');
      for (const refused of [
        ['--sensitivity', 'hessian'],
        ['--draws', '2'],
        ['--batches', '2'],
        ['--data', 'mnist'],
        ['--formats', 'int4/rwo'],
        ['--axis', '7', '--formats', 'int4/block:32'],
        ['--bits', '1'],
      ]) {
        const { code, error } = await halfulp('assign', path, ...refused);
        expect({ code, lines: error.trim().split('\n').length }, refused.join(' ')).toEqual({
          code: 2,
          lines: 1,
        });
      }
    });
  });
});
