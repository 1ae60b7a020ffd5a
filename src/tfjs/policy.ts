/**
 * What is rounded to what while emulation is on: the user's policy, and the function that says what holds for a kernel call
 * by its role, kernel and layer. Plain data; nothing here touches TensorFlow.js. The names of roles and options are the
 * contract of `emulate`.
 */

import { pathOf } from '../check.ts';
import { ArgumentError } from '../errors.ts';
import type { BlockFormat, BlockFormatName, Format, FormatSpelling } from '../formats/index.ts';
import { isFormat } from '../formats/names.ts';
import type { RoundingMode, Saturation, StochasticVariant, SubnormalTreatment } from '../rounding/options.ts';
import type { QuantizerOptions } from '../tensor/quantizers/index.ts';
import type { AccumulatorSpec } from './accumulator.ts';
import { type Effect, effectMaker, type Grid, type RoleRounding } from './effect.ts';
import { kernelFamilies, productNames } from './kernel-names.ts';
import { matchesLayer } from './layer-names.ts';
import { checkPolicy } from './policy-check.ts';

/**
 * What a kernel call is for. Four passes: `forward` and `backward`, inside the gradient machinery; `optimizer`, inside
 * `applyGradients`; `predict`, inside `predict`, `evaluate` and the validation of `fit`. Within `forward`, `backward` and
 * `predict`: `loss`, of losses, metrics and regularisers and their gradients; `statistics`, of updates of variables that are not
 * trained, such as moving averages. `other`: everything else.
 */
export const roles = ['forward', 'backward', 'optimizer', 'predict', 'loss', 'statistics', 'other'] as const;
export type Role = (typeof roles)[number];

/** A rounding of tensors: a format and how to get there. Absent fields are those of the policy. */
export interface RoleSpec {
  readonly format?: Format | FormatSpelling;
  readonly rounding?: RoundingMode;
  readonly saturation?: Saturation;
  readonly subnormals?: SubnormalTreatment;
  /** Random bits per element for stochastic rounding, 1 to 32. */
  readonly randomBits?: number;
  readonly variant?: StochasticVariant;
}

/**
 * What operands are put through before a kernel sees them: a rounding (a format by itself or by name), or a quantiser (its
 * options, or a block format by itself or by name).
 */
export type InputSpec = RoleSpec | QuantizerOptions | Format | BlockFormat | FormatSpelling | BlockFormatName;

/** What holds for a kernel call. Absent fields are those of the rules before it. */
export interface KernelSpec extends RoleSpec {
  /**
   * Operands: one treatment for all float32 operands (of a fused kernel those of its product, not its bias), or one for each
   * by its name in TensorFlow.js (`{ a: ..., b: ... }`); `null` leaves them. A rounding replaces that of the role; a quantiser
   * comes after it.
   */
  readonly inputs?: InputSpec | Readonly<Record<string, InputSpec | null>> | null;
  /** How matrix products and convolutions are summed. Default `'binary32'`, in order. */
  readonly accumulator?: AccumulatorSpec;
  /** Fused kernels (a product with bias and activation): rounded `'once'` (default), or after each step, `'decomposed'`. */
  readonly fused?: 'once' | 'decomposed';
}

/** A `KernelSpec`, a format by itself or by name, or `null` for float32. */
export type Rule = KernelSpec | Format | FormatSpelling | null;

export interface LayerSpec extends KernelSpec {
  readonly roles?: Readonly<Partial<Record<Role, Rule>>>;
  readonly kernels?: Readonly<Record<string, Rule>>;
}

/** Whose kernels compute: ours where there are any, or the backend's. */
export type Implementation = 'own' | 'stock';

/** The argument of `emulate`. The fields of `KernelSpec` hold for `forward`, `backward` and `predict`. */
export interface Policy extends KernelSpec {
  /** Key of the random bits of stochastic rounding, an integer in [0, 2^53). Default 0. */
  readonly seed?: number;
  /**
   * Roles that differ: a rule, the name of a format, or `null` for float32. `loss` and `statistics` add to the pass that they
   * are part of: `{ loss: {} }` rounds losses as the rest of their pass.
   */
  readonly roles?: Partial<Record<Role, Rule>>;
  /**
   * Kernels that differ, by their name in TensorFlow.js, or `matmul`, `convolution` for all that belong to these; and under
   * `implementation` whose kernels compute. `'own'` and `'stock'` by themselves say only that. `'own'` (default): the wasm
   * backend's slow kernels (matrix products with transposes, convolutions, copies) are replaced by ours; results are those of
   * float32 with the documented order of summation. `'stock'`: kernels stay as they are.
   */
  readonly kernels?:
    | Implementation
    | ({ readonly implementation?: Implementation } & Readonly<Record<string, Rule>>);
  /** Layers that differ, by the name of a layer or of a `tf.tidy` scope; `*` stands for any characters. Later ones prevail. */
  readonly layers?: Readonly<Record<string, LayerSpec | Format | FormatSpelling | null>>;
  /** Whether `emulation.log` counts what rounding does. Costs a copy of every result. Default false. */
  readonly log?: boolean;
}

export interface ResolvedPolicy {
  readonly seed: number;
  readonly kernels: Implementation;
  readonly log: boolean;
  /** The roundings of the roles by themselves; `null`: float32. */
  readonly roles: Readonly<Record<Role, RoleRounding | null>>;
  /** Kernels that have rules, each with the path of one. */
  readonly kernelPaths: ReadonlyMap<string, string>;
  /** Every set of values that something is rounded to so far. */
  readonly grids: readonly Grid[];
  /** Whether layers have rules. */
  readonly hasLayers: boolean;
  /** What holds for a kernel call in a role, as part of a pass; `null`: nothing, it is left alone. */
  effect(role: Role, kernel: string, layer: readonly string[], pass?: Role): Effect | null;
}

/** Losses, statistics and the optimiser are float32 in mixed-precision training, and `other` is not the model's. */
const roundedByDefault: ReadonlySet<Role> = new Set(['forward', 'backward', 'predict']);

/** A rule as an object. */
function specOf(rule: LayerSpec | Format | FormatSpelling | null): LayerSpec & { format?: unknown } {
  if (rule === null) return { format: null } as unknown as LayerSpec;
  return typeof rule === 'string' || isFormat(rule) ? { format: rule } : rule;
}

/** The rules for a kernel: those of its family first, then its own. */
function rulesFor(kernel: string, kernels: Readonly<Record<string, Rule>>): Rule[] {
  const families = Object.keys(kernelFamilies).filter((family) => kernelFamilies[family]!.includes(kernel));
  return [...families, kernel].filter((name) => Object.hasOwn(kernels, name)).map((name) => kernels[name]!);
}

/** Fills in the defaults of a policy and checks it. Throws ArgumentError. */
export function resolvePolicy(policy: Policy): ResolvedPolicy {
  checkPolicy(policy);
  const { kernels: kernelsGiven = 'own', roles: byRole = {}, layers = {}, log = false, ...rest } = policy;
  const { seed = 0, ...defaults } = rest;
  const { implementation = 'own', ...byKernel } =
    typeof kernelsGiven === 'string' ? { implementation: kernelsGiven } : kernelsGiven;
  const grids: Grid[] = [];
  const make = effectMaker(seed, grids);

  /** Whether the rules say something of a role in a layer. The empty name means all that is in no layer, losses included. */
  const isNamed = (role: Role, layer: readonly string[]): boolean =>
    byRole[role] !== undefined ||
    Object.entries(layers).some(
      ([pattern, rule]) =>
        matchesLayer(pattern, layer) &&
        ((role === 'loss' && pattern === '') || specOf(rule).roles?.[role] !== undefined),
    );

  const chain = (role: Role, kernel: string, layer: readonly string[], pass: Role): Effect | null => {
    const ofRole = byRole[role];
    if (ofRole === null || !(roundedByDefault.has(role) || isNamed(role, layer))) return null;
    const isProduct = productNames.has(kernel);
    let spec: Record<string, unknown> = {};
    let isKernelNamed = Object.hasOwn(byKernel, kernel);
    const apply = (
      argument: string,
      rule: LayerSpec | Format | FormatSpelling | null,
      isOwn = false,
    ): void => {
      const { roles: _, kernels: __, ...fields } = specOf(rule);
      // Said of a role or a layer, these are about products; said of a kernel, about it.
      const { inputs, accumulator, ...others } = fields;
      const hasModes = Object.keys(others).some((name) => name !== 'format' && name !== 'fused');
      if (hasModes && argument !== 'policy' && others.format === undefined && spec['format'] === undefined)
        throw new ArgumentError('format', undefined, 'a format or its name');
      spec = { ...spec, ...others };
      if (inputs !== undefined && (isOwn || isProduct)) spec['inputs'] = inputs;
      if (accumulator !== undefined && isProduct) spec['accumulator'] = accumulator;
    };
    const ofPass = pass === role ? undefined : byRole[pass];
    apply('policy', defaults);
    if (ofPass !== undefined) apply(`roles.${pass}`, ofPass);
    if (ofRole !== undefined) apply(`roles.${role}`, ofRole);
    for (const rule of rulesFor(kernel, byKernel as Record<string, Rule>))
      apply(`kernels.${kernel}`, rule, true);
    for (const [pattern, rule] of Object.entries(layers)) {
      if (!matchesLayer(pattern, layer)) continue;
      apply(`layers.${pattern}`, rule);
      const inner = specOf(rule);
      for (const part of new Set([pass, role])) {
        const ofInner = inner.roles?.[part];
        if (ofInner !== undefined) apply(`layers.${pattern}.roles.${part}`, ofInner);
      }
      isKernelNamed ||= Object.hasOwn(inner.kernels ?? {}, kernel);
      for (const own of rulesFor(kernel, inner.kernels ?? {}))
        apply(`layers.${pattern}.kernels.${kernel}`, own, true);
    }
    return make(spec as KernelSpec & { format?: Format | FormatSpelling | null }, isKernelNamed);
  };

  const known = new Map<string, Effect | null>();
  const effect = (role: Role, kernel: string, layer: readonly string[], pass = role): Effect | null => {
    const key = `${role} ${pass} ${kernel} ${layer.join('/')}`;
    let found = known.get(key);
    if (found === undefined) {
      found = chain(role, kernel, layer, pass);
      known.set(key, found);
    }
    return found;
  };

  const kernelPaths = new Map<string, string>();
  const addPaths = (path: string, rules: object): void => {
    for (const name of Object.keys(rules))
      for (const kernel of kernelFamilies[name] ?? [name])
        if (!kernelPaths.has(kernel)) kernelPaths.set(kernel, pathOf(path, name));
  };
  addPaths('kernels', byKernel);
  for (const [pattern, rule] of Object.entries(layers))
    addPaths(`${pathOf('layers', pattern)}.kernels`, specOf(rule).kernels ?? {});
  // What is wrong is said now, not at the first kernel that it concerns.
  for (const role of roles)
    for (const kernel of ['', 'BatchMatMul', ...kernelPaths.keys()])
      for (const layer of [[], ...Object.keys(layers).map((pattern) => [pattern])])
        effect(role, kernel, layer);
  const entries = roles.map((role) => [role, effect(role, '', [])?.rounding ?? null] as const);
  return {
    seed,
    kernels: implementation as Implementation,
    log,
    roles: Object.fromEntries(entries) as Record<Role, RoleRounding | null>,
    kernelPaths,
    hasLayers: Object.keys(layers).length > 0,
    grids,
    effect,
  };
}
