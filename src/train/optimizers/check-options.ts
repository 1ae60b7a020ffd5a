/** What an optimiser may be given beside its settings, checked. */
import { checkAbsent, checkFields, integerInRange, numberInRange, pathOf } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { checkSchema } from '../../schema.ts';
import { projectSchema, storeSchema } from '../recipe-schema.ts';
import { checkSchedule, scheduleSchema } from '../schedule.ts';
import { checkStore, feedsBack } from '../stores/index.ts';
import { checkUpdate, stepSchema } from '../update/spec.ts';
import type { Governor, OptimizerOptions, Rule } from './optimizer.ts';
import {
  checkFedMomentum,
  checkFeedback,
  checkValues,
  momentsOf,
  type OptimizerSettings,
} from './settings.ts';
import { checkStateCodec } from './state-codec.ts';

const optionNames: readonly (keyof OptimizerOptions | 'governor')[] = [
  ...(['seed', 'prefix', 'learningRate', 'schedule', 'decaySchedule', 'steps', 'store'] as const),
  ...(['values', 'stepOperators', 'project', 'governor'] as const),
];

/** Throws ArgumentError naming the option that is wrong. */
export function checkOptions(
  options: OptimizerOptions & { readonly governor?: Governor },
  rule: Rule,
  settings: OptimizerSettings,
): void {
  checkFields('options', options, optionNames);
  numberInRange('options.learningRate', options.learningRate, { from: 0 }, rule.learningRate);
  for (const name of ['schedule', 'decaySchedule'] as const) {
    const schedule = options[name];
    if (schedule === undefined) continue;
    checkSchema(`options.${name}`, schedule, scheduleSchema);
    checkSchedule(schedule, `options.${name}`);
    integerInRange('options.steps', options.steps ?? Number.NaN, 1, 2 ** 21 - 1);
  }
  const { store, values, stepOperators = [] } = options;
  if (values !== undefined) {
    checkValues(values, settings, (field) => pathOf('options.values', field));
    integerInRange('options.steps', options.steps ?? Number.NaN, 1, 2 ** 21 - 1);
  }
  const { project } = options;
  if (project !== undefined) {
    checkSchema('options.project', project, projectSchema);
    if (project.quantizer !== undefined)
      checkStateCodec({ kind: 'quantizer', quantizer: project.quantizer }, 'options.project');
    if (feedsBack(store))
      throw new ArgumentError('options.project', 'a projection', 'none beside a store with feedback');
  }
  checkSchema('options.stepOperators', stepOperators, stepSchema);
  checkUpdate({ step: stepOperators }, momentsOf(settings).includes('second'), 'options');
  if (store === undefined) return;
  checkSchema('options.store', store, storeSchema);
  checkStore(store, 'options.store');
  checkFeedback(settings, store, 'options.store');
  if (values !== undefined && feedsBack(store))
    checkFedMomentum(values, settings, (field) => pathOf('options.values', field));
  checkAbsent('options.store.of', store.of, 'nothing: the store is for every variable');
}
