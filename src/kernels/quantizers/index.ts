/** Quantising on kernels: plans, runs on a heap, arrays. */
export { quantizeArray, streamInPlace } from './quantizer-arrays.ts';
export { type GroupLayout, mostGroups } from './quantizer-pieces.ts';
export { planQuantizer, type QuantizerForm, type QuantizerPlan, type ScaleForm } from './quantizer-plan.ts';
export { type Outcome, type QuantizerRunner, quantizersOn } from './quantizer-run.ts';
