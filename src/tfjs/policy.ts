/**
 * What is rounded to what while emulation is on: the user's policy, and the same with every default filled in and
 * checked. Plain data; nothing here touches TensorFlow.js. The names of roles and options are the contract of `emulate`.
 */
import { ArgumentError } from '../errors.ts';
import { type Format, toFormat } from '../formats/index.ts';
import {
  isStochastic,
  type ResolvedRounding,
  type RoundingMode,
  resolveRounding,
  type Saturation,
  type StochasticVariant,
  type SubnormalTreatment,
} from '../rounding/options.ts';
import { fitsBinary32 } from '../tensor/arrays.ts';

/**
 * What a kernel call is for. `forward` and `backward`: inside the gradient machinery; `optimizer`: inside
 * `applyGradients`; `predict`: inside `predict`, `evaluate` and the validation of `fit`; `other`: everything else.
 */
export const roles = ['forward', 'backward', 'optimizer', 'predict', 'other'] as const;
export type Role = (typeof roles)[number];

/** A rounding of tensors: a format and how to get there. Absent fields are those of the policy. */
export interface RoleSpec {
  readonly format?: Format | string;
  readonly rounding?: RoundingMode;
  readonly saturation?: Saturation;
  readonly subnormals?: SubnormalTreatment;
  /** Random bits per element for stochastic rounding, 1 to 32. */
  readonly randomBits?: number;
  readonly variant?: StochasticVariant;
}

/** The argument of `emulate`. The fields of `RoleSpec` hold for `forward`, `backward` and `predict`. */
export interface Policy extends RoleSpec {
  /** Key of the random bits of stochastic rounding, an integer in [0, 2^53). Default 0. */
  readonly seed?: number;
  /** Roles that differ: a rounding, the name of a format, or `null` for float32. */
  readonly roles?: Partial<Record<Role, RoleSpec | Format | string | null>>;
  /**
   * `'own'` (default): the wasm backend's slow kernels (matrix products with transposes, copies) are replaced by ours;
   * results are those of float32 with the documented order of summation. `'stock'`: kernels stay as they are.
   */
  readonly kernels?: 'own' | 'stock';
}

/** A set of values: what a rounding of any mode leaves unchanged. Compared by identity, one policy at a time. */
export interface Grid {
  readonly format: Format;
  readonly saturation: Saturation;
  readonly subnormals: SubnormalTreatment;
}

export interface RoleRounding {
  readonly grid: Grid;
  readonly options: ResolvedRounding;
  readonly stochastic: boolean;
}

export interface ResolvedPolicy {
  readonly seed: number;
  readonly kernels: 'own' | 'stock';
  /** `null`: float32, untouched. */
  readonly roles: Readonly<Record<Role, RoleRounding | null>>;
}

const roundedByDefault: ReadonlySet<Role> = new Set(['forward', 'backward', 'predict']);

function isFormat(value: object): value is Format {
  return 'decode' in value && 'encode' in value;
}

/** Whether rounding binary32 values to the format changes none of them. */
function isIdentity(format: Format, options: ResolvedRounding): boolean {
  return (
    format.kind === 'float' &&
    format.specials === 'ieee' &&
    format.isSigned &&
    format.precision >= 24 &&
    format.emax >= 127 &&
    format.emin <= -126 &&
    options.subnormals === 'keep' &&
    options.saturation !== 'finite'
  );
}

/** Fills in the defaults of a policy and checks it. Throws ArgumentError. */
export function resolvePolicy(policy: Policy): ResolvedPolicy {
  if (typeof policy !== 'object' || policy === null)
    throw new ArgumentError('policy', policy, "an object such as { format: 'bfloat16' }");
  const { kernels = 'own', seed = 0, roles: given = {}, ...defaults } = policy;
  if (kernels !== 'own' && kernels !== 'stock') throw new ArgumentError('kernels', kernels, 'own, stock');
  for (const name of Object.keys(given))
    if (!roles.includes(name as Role)) throw new ArgumentError('roles', name, roles.join(', '));
  const grids: Grid[] = [];

  const resolve = (spec: RoleSpec | null): RoleRounding | null => {
    if (spec === null) return null;
    const { format: formatOrName, ...options } = { ...defaults, ...spec };
    if (formatOrName === undefined) throw new ArgumentError('format', undefined, 'a format or its name');
    const format = toFormat(formatOrName);
    const resolved = resolveRounding(format, { ...options, seed });
    if (isIdentity(format, resolved)) return null;
    if (!fitsBinary32(format))
      throw new ArgumentError(
        'format',
        format.name,
        'a format whose values are binary32 numbers, as tensors are',
      );
    const { saturation, subnormals } = resolved;
    let grid = grids.find(
      (g) =>
        (g.format === format || (g.format.kind !== 'codebook' && g.format.name === format.name)) &&
        g.saturation === saturation &&
        g.subnormals === subnormals,
    );
    if (grid === undefined) {
      grid = { format, saturation, subnormals };
      grids.push(grid);
    }
    return { grid, options: resolved, stochastic: isStochastic(resolved.rounding) };
  };

  const specOf = (role: Role): RoleSpec | null => {
    const spec = given[role];
    if (spec === null) return null;
    if (spec === undefined) return roundedByDefault.has(role) && defaults.format !== undefined ? {} : null;
    return typeof spec === 'string' || isFormat(spec) ? { format: spec } : spec;
  };

  const entries = roles.map((role) => [role, resolve(specOf(role))] as const);
  return { seed, kernels, roles: Object.fromEntries(entries) as Record<Role, RoleRounding | null> };
}
