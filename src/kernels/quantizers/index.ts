/** Quantising on kernels: plans, runs on a heap, arrays. */
export { quantizeArray, streamInPlace } from './arrays.ts';
export { type GroupLayout, mostGroups } from './pieces.ts';
export { planQuantizer, type QuantizerForm, type QuantizerPlan, type ScaleForm } from './plan.ts';
export { type Outcome, type QuantizerRunner, quantizersOn } from './run.ts';
