/** The layers of a run with what its loss feels of errors in their weights, measured on the data that it was trained on. */
import type { FormatSpelling } from '../formats/index.ts';
import type { TensorFlow } from '../tfjs/index.ts';
import type { Candidate, SensitiveLayer } from './assign-formats.ts';
import type { Checkpoint } from './checkpoint.ts';
import { crossEntropy } from './cross-entropy.ts';
import { parametersOf } from './engine/parameters.ts';
import { lossOf, measuredLayersOf } from './measured-layers.ts';
import { oneHot } from './one-hot.ts';
import type { Recipe } from './recipe.ts';
import { openRunModel } from './run-model.ts';
import type { Measure } from './sensitivity-kinds.ts';
import type { TrainingData } from './tasks.ts';

interface RunMeasure<F extends FormatSpelling> {
  readonly checkpoint: Checkpoint;
  /** Of the run: it says which norms the model has. */
  readonly recipe: Recipe;
  readonly data: TrainingData;
  readonly by: Measure;
  readonly candidates: readonly Candidate<F>[];
  /** Training batches that are measured. */
  readonly batches: number;
  readonly draws: number;
}

/** The layers, and how the mean loss of the batches is found for an assignment. `dispose` frees the model. */
export function measuredRun<F extends FormatSpelling>(
  tf: TensorFlow,
  { checkpoint, recipe, data, by, candidates, batches, draws }: RunMeasure<F>,
): {
  readonly layers: SensitiveLayer[];
  lossOf(formats: Readonly<Record<string, F>>): number;
  dispose(): void;
} {
  const { identity } = checkpoint.state;
  const { task, model } = openRunModel(tf, { checkpoint, recipe, data });
  const parameters = parametersOf(model);
  const loss = (index: number) => {
    const batch = task.trainingBatch(index, identity.seed);
    return crossEntropy(tf, model.forward(batch.inputs(tf)), oneHot(tf, batch.targets, task.outputs));
  };
  const options = { by, loss, batches, draws, ...(by === 'loss' && { candidates }) };
  try {
    return {
      layers: measuredLayersOf(tf, parameters, options),
      lossOf: (formats) => lossOf(tf, parameters, { loss, batches, candidates }, formats),
      dispose: () => model.dispose(),
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}
