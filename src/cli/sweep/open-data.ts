/** What the model of a sweep is trained on, and what its runs rest on. Brings TensorFlow.js. */
import { modelConfig } from '../../train/model-config.ts';
import type { Task } from '../../train/task.ts';
import { type TrainingData, taskOf } from '../../train/tasks.ts';
import { loadData } from '../training-data.ts';
import { basisOf } from './basis.ts';
import type { RunBasis, Sweep } from './definition.ts';

/** The data of a sweep; `ofModel` is for arms with a model of their own. */
export interface SweepData {
  readonly data: TrainingData;
  readonly task: Task;
  readonly ofModel: (model: string) => Task;
  readonly basis: RunBasis;
}

/** Reads the data. */
export async function openData({ model, data: options }: Sweep): Promise<SweepData> {
  const data = await loadData(model, options);
  const ofModel = (name: string): Task => taskOf(modelConfig(name), data);
  const task = ofModel(model);
  return { data, task, ofModel, basis: basisOf(task) };
}
