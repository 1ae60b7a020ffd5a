/** Files that short runs of the command are trained from: samples of four features in three classes, and the recipe float32. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { numbers } from './oracles/recipes/slots.ts';

/** Writes `data.csv` and `float32.json` into a folder. Returns the arguments that name the samples. */
export function writeSamples(folder: string, count: number): string[] {
  const csv = join(folder, 'data.csv');
  const rows = Array.from({ length: count }, (_, i) => [...numbers(4, i + 1), i % 3].join(','));
  writeFileSync(csv, `a,b,c,d,label\n${rows.join('\n')}\n`);
  writeFileSync(join(folder, 'float32.json'), '{ "recipe": "float32" }');
  return ['--csv', csv, '--label', 'label'];
}
