/**
 * What a weight costs: the bytes of weights, optimiser state and gradients as they are held after a step, over the number
 * of parameters, for recipes and optimisers; and the model of the whole step's memory, saved activations included.
 * Nothing is timed.
 */
import { wasmBackend } from '../build/tfjs/index.js';
import { mobyDick, recipes, train } from '../build/train/index.js';
import { table } from './report.js';

const codec = /** @type {const} */ ({ kind: 'dynamic8', block: 256 });
const optimizers = /** @type {const} */ ({
  AdamW: {},
  'AdamW, 8-bit states': { first: codec, second: codec },
  Adafactor: { kind: 'adafactor' },
});

/** @type {Record<string, (optimizer: any) => any>} */
const arms = {
  float32: (optimizer) => recipes.float32({ optimizer }),
  bitnet: (optimizer) => recipes.bitnet({ optimizer }),
  dqt8: (optimizer) => recipes.dqt({ bits: 8, optimizer }),
  dqt4: (optimizer) => recipes.dqt({ bits: 4, optimizer }),
  'dqt1.58': (optimizer) => recipes.dqt({ bits: 1.58, optimizer }),
  'dqt8, all parameters': (optimizer) => recipes.dqt({ bits: 8, of: 'all', optimizer }),
  'dqt1.58, all parameters': (optimizer) => recipes.dqt({ bits: 1.58, of: 'all', optimizer }),
};

/** @param {{ report: (line: string) => void }} options */
export async function benchMemory({ report }) {
  const tf = await wasmBackend();
  const data = await mobyDick();
  const rows = [];
  for (const model of ['llama-tiny', 'llama-large'])
    for (const [arm, recipe] of Object.entries(arms))
      for (const [optimizer, settings] of Object.entries(optimizers)) {
        report(`memory ${model} ${arm}, ${optimizer}`);
        const controller = new AbortController();
        const { memory } = await train({
          ...{ tf, data, model, recipe: recipe(settings), steps: 10, seed: 1, batch: 1 },
          ...{ evaluateEvery: 0, evaluationWindows: 1, signal: controller.signal },
          onStep: () => controller.abort(),
        });
        rows.push({ model, arm, optimizer, ...memory });
      }
  return rows;
}

/** @param {any[]} rows by model, recipe and optimiser */
export function memoryTable(rows) {
  const optimizers = [...new Set(rows.map((r) => r.optimizer))];
  const models = [...new Set(rows.map((r) => r.model))];
  return models
    .map((model) => {
      const own = rows.filter((r) => r.model === model);
      return table(
        `Bytes per parameter of ${model}: weights, optimiser state and gradients as they are held`,
        ['recipe', 'weights', ...optimizers],
        [...new Set(own.map((r) => r.arm))].map((arm) => {
          const [first, ...others] = own.filter((r) => r.arm === arm);
          const parameters = first.gradients / 4;
          const all = [first, ...others].map((r) => r.bytesPerParameter.toFixed(2));
          return [arm, (first.weights / parameters).toFixed(2), ...all];
        }),
      );
    })
    .join('\n');
}
