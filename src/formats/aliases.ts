/**
 * What other programs call the formats of the catalogue, as data: read wherever a name is, printed nowhere. Case does not count,
 * nor do the marks `-`, `_`, `.` and blanks, except between digits: `int3.5` is no `int35`. A name that means two things in the field is refused with both of them.
 *
 * Sources: ml_dtypes 0.6 (`__init__.py`), which NumPy, JAX and TensorFlow share; PyTorch (`c10/core/ScalarType.h`); ONNX
 * (`TensorProto.DataType`); XLA and LLVM (`APFloat.h`); chop and CPFloat (`chop.m`, `cpfloat.m`); microxcaling
 * (`mx/formats.py`); Transformer Engine (`common/recipe`, `transformer_engine.h`); safetensors.
 */
/** Other names by the canonical one. */
export const aliases = {
  binary16: ['half', 'fp16', 'float16', 'f16', 'h', 'e5m10', 'kFloat16'],
  binary32: ['single', 'fp32', 'float32', 'f32', 's', 'e8m23', 'kFloat32'],
  binary64: ['double', 'fp64', 'float64', 'f64', 'd', 'e11m52'],
  bfloat16: ['bf16', 'bfloat', 'b', 'e8m7', 'kBFloat16'],
  tf32: ['TensorFloat-32', 'FloatTF32', 't', 'e8m10'],
  dlfloat16: ['dlfloat'],
  fp24: ['e7m16'],
  pxr24: ['e8m15'],
  e5m2: ['fp8_e5m2', 'float8_e5m2', 'f8_e5m2', 'q52', 'Format.E5M2', 'kFloat8E5M2'],
  e4m3: ['float8_e4m3', 'q43'],
  e4m3fn: ['fp8_e4m3', 'fp8_e4m3fn', 'float8_e4m3fn', 'f8_e4m3fn', 'Format.E4M3', 'kFloat8E4M3'],
  e3m4: ['fp8_e3m4', 'float8_e3m4', 'f8_e3m4'],
  e4m3fnuz: ['fp8_e4m3fnuz', 'float8_e4m3fnuz', 'f8_e4m3fnuz'],
  e5m2fnuz: ['fp8_e5m2fnuz', 'float8_e5m2fnuz', 'f8_e5m2fnuz'],
  e4m3b11fnuz: ['fp8_e4m3b11fnuz', 'float8_e4m3b11fnuz', 'f8_e4m3b11fnuz', 'float8_e4m3b11', 'e4m3b11'],
  e2m3: ['fp6_e2m3', 'float6_e2m3fn', 'f6_e2m3fn', 'f6_e2m3', 'e2m3fn'],
  e3m2: ['fp6_e3m2', 'float6_e3m2fn', 'f6_e3m2fn', 'f6_e3m2', 'e3m2fn'],
  // biome-ignore format: one line
  e2m1: ['fp4', 'float4', 'f4', 'fp4_e2m1', 'float4_e2m1', 'float4_e2m1fn', 'float4_e2m1fn_x2', 'f4_e2m1fn', 'e2m1fn', 'kFloat4E2M1'],
  e8m0: ['ue8m0', 'float8_e8m0fnu', 'float8_e8m0', 'f8_e8m0fnu', 'f8_e8m0', 'e8m0fnu', 'kFloat8E8M0'],
  nf4: ['normalfloat4'],
  mxfp8e4m3: ['mxfp8', 'MXFP8BlockScaling'],
  mxfp4: ['mxfp4_e2m1'],
  nvfp4: ['NVFP4BlockScaling'],
} as const;

/** One of the things that a name means, and for whom. */
interface Reading {
  readonly name: string;
  readonly where: string;
}

const halves: readonly Reading[] = [
  { name: 'e4m3fn', where: 'the OCP E4M3, for weights and activations' },
  { name: 'e5m2', where: 'for gradients' },
];
const sixes: readonly Reading[] = [
  { name: 'e3m2', where: 'the wider range' },
  { name: 'e2m3', where: 'the finer steps' },
];
const e4m3s = (ocp: string, ieee: string): readonly Reading[] => [
  { name: 'e4m3fn', where: ocp },
  { name: 'e4m3', where: ieee },
];

/** Names that mean more than one format. */
export const ambiguousNames: Readonly<Record<string, readonly Reading[]>> = {
  float: [
    { name: 'binary32', where: 'C, PyTorch, TensorFlow, ONNX' },
    { name: 'binary64', where: 'Python, NumPy' },
  ],
  fp8: halves,
  float8: halves,
  f8: halves,
  quarter: halves,
  'fp8-e4m3': e4m3s('fp8_e4m3 of vLLM and microxcaling', 'chop, which also calls it q43'),
  f8_e4m3: e4m3s('safetensors', 'JAX and XLA'),
  bf8: [
    { name: 'e5m2', where: 'OCP' },
    { name: 'e5m2fnuz', where: 'CDNA3' },
  ],
  fp6: sixes,
  float6: sixes,
  f6: sixes,
  mxfp6: sixes.map(({ name, where }) => ({ name: `mxfp6${name}`, where })),
};

/** A name without what spelling does not distinguish. */
const unmarked = (name: string): string => name.toLowerCase().replace(/(?<!\d)[-_. ]|[-_. ](?!\d)/g, '');

const byKey = (names: readonly (readonly [string, string])[]): ReadonlyMap<string, string> =>
  new Map(names.map(([alias, name]) => [unmarked(alias), name]));

const canonical = byKey(
  Object.entries(aliases).flatMap(([name, others]) => others.map((other) => [other, name] as const)),
);
// `fp8-e4m3` differs from `fp8_e4m3` by its mark alone, so it is known as it is written.
const hyphenated = 'fp8-e4m3';
const ambiguous = byKey(
  Object.keys(ambiguousNames)
    .filter((name) => name !== hyphenated)
    .map((name) => [name, name] as const),
);

/** A text without what spelling does not distinguish, and without the module that a data type is printed with. */
const keyOf = (text: string): string =>
  unmarked(text.trim().replace(/^(?:torch|tf|np|numpy|jnp|ml_dtypes|tensorproto)\./i, ''));

/** What a name that means several things means; undefined for any other. */
export function readingsOf(text: string): readonly Reading[] | undefined {
  const name = text.trim().toLowerCase() === hyphenated ? hyphenated : ambiguous.get(keyOf(text));
  return name === undefined ? undefined : ambiguousNames[name];
}

/**
 * The text as the catalogue spells it, if it is an alias or differs from one of `names` in nothing that counts; names made
 * by rule (`int8`, `binary8p3se`, `float(5,6)`) in lower case. Whether such a name exists is for the caller to see.
 */
export function canonicalSpelling(text: string, names: Iterable<string>): string {
  if (text.includes('(')) return text.toLowerCase().replace(/(?<!\w)\s+|\s+(?!\w)/g, '');
  const key = keyOf(text);
  const alias = canonical.get(key);
  if (alias !== undefined) return alias;
  for (const name of names) if (unmarked(name) === key) return name;
  return key.replace(/^([siu])(?=\d+$)/, (kind) => (kind === 'u' ? 'uint' : 'int'));
}
