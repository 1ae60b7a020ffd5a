/** The policies of docs/policies.md, and small forms of the programs in examples/tfjs that they are checked on. */
import { readFileSync } from 'node:fs';
import type { Optimizer } from '@tensorflow/tfjs';
import {
  emulate,
  type LossScalingOptions,
  lossScaling,
  type Policy,
  type TensorFlow,
} from '../../src/tfjs/index.ts';

export interface Recipe {
  readonly title: string;
  readonly policy: Policy;
  readonly scaling?: LossScalingOptions;
}

const page = readFileSync('docs/policies.md', 'utf8');

/** What the code of a recipe gives to `emulate` and `lossScaling`. */
async function argumentsIn(title: string, code: string): Promise<Recipe> {
  let policy: Policy | undefined;
  let scaling: LossScalingOptions | undefined;
  const run = new Function(
    ...['emulate', 'lossScaling', 'tf', 'model'],
    `return (async () => { ${code} })();`,
  ) as (...given: unknown[]) => Promise<void>;
  await run(
    (_: unknown, given: Policy) => {
      policy = given;
    },
    (_: unknown, given: LossScalingOptions) => {
      scaling = given;
      return { wrap: () => undefined };
    },
    { train: { adam: () => undefined } },
    { compile: () => undefined },
  );
  if (policy === undefined) throw new Error(`no policy in ${title}`);
  return { title, policy, ...(scaling === undefined ? {} : { scaling }) };
}

/** The recipes of the page: what stands in bold before a block of code. */
export const recipes: readonly Recipe[] = await Promise.all(
  [...page.matchAll(/^\*\*([^*]+)\*\*[\s\S]*?```ts\n([\s\S]*?)```/gm)].map(([, title, code]) =>
    argumentsIn(title!, code!),
  ),
);

/** The policies of the table of questions, each with its text. */
export const causes: readonly (readonly [text: string, policy: Policy])[] = [
  ...page
    .split('## Looking for the cause')[1]!
    .split('## ')[0]!
    .matchAll(/`(\{.*?\})`(?=[, |:])/g),
].map(([, text]) => [text!, new Function(`return (${text});`)() as Policy] as const);

interface Program {
  /** The sizes of the small form, and what float32 reaches with them. */
  readonly sizes: object;
  readonly atLeast: number;
  /** How far below float32 others may be. */
  readonly within: number;
}

export const programs: Readonly<Record<string, Program>> = {
  words: { sizes: { words: 500, epochs: 10, seed: 1 }, atLeast: 0.95, within: 0.03 },
  rings: { sizes: { points: 160, epochs: 25, seed: 1 }, atLeast: 0.99, within: 0.02 },
  'policy-gradient': { sizes: { steps: 60, seed: 1 }, atLeast: 0.9, within: 0.05 },
  'batch-norm': { sizes: { images: 800, epochs: 3, seed: 1 }, atLeast: 0.8, within: 0.05 },
  iris: { sizes: { epochs: 25, seed: 1 }, atLeast: 0.95, within: 0.05 },
};

interface Context {
  readonly tf: TensorFlow;
  optimizer<T extends Optimizer>(inner: T): T;
}

/** The accuracy that a program reaches under a recipe. */
export async function accuracyOf(
  tf: TensorFlow,
  name: string,
  { policy, scaling }: Omit<Recipe, 'title'>,
): Promise<number> {
  const path = new URL(`../../examples/tfjs/${name}.js`, import.meta.url).href;
  const { train } = (await import(path)) as {
    train(context: Context, sizes: object): Promise<{ accuracy: number }>;
  };
  const scale = scaling && lossScaling(tf, scaling);
  const optimizer: Context['optimizer'] = (inner) => scale?.wrap(inner) ?? inner;
  const { accuracy } = await emulate.scope(tf, policy, () => train({ tf, optimizer }, programs[name]!.sizes));
  return accuracy;
}
