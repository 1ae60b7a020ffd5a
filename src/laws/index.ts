/** Scaling laws of training in low precision: calculators, and fits to runs. */
export { type Estimate, type FitLawOptions, fitLaw, type LawFit, type LawRow } from './fit.ts';
export {
  type BitSplit,
  bestSplit,
  criticalTokens,
  type ExponentAndMantissa,
  type FloatingPointCoefficients,
  type FloatingPointLawOptions,
  type FloatingPointLoss,
  floatingPointCoefficients,
  floatingPointLaw,
  type ScaleBlock,
} from './floating-point.ts';
export { type LawForm, type LawFormName, lawForms } from './forms.ts';
export {
  type QuantizationCoefficients,
  type QuantizationLawOptions,
  quantizationCoefficients,
  quantizationLaw,
} from './quantization-aware.ts';
