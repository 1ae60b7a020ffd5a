/**
 * A policy with its defaults, checked: what holds for a kernel call by its role, kernel and layer. Nothing here touches
 * TensorFlow.js.
 */

import { ArgumentError } from '../errors.ts';
import { type Effect, effectMaker, type Grid, type RoleRounding } from './effect.ts';
import { type LayerUse, layerUse } from './layer-use.ts';
import { type Implementation, type Policy, type Role, roles } from './policy.ts';
import { checkPolicy } from './policy-check.ts';
import { hasFormat, type Merged, Rules, roundedByDefault } from './policy-rules.ts';

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
  /** Which of the names of layers the program has met. */
  readonly layerUse: LayerUse;
  /** What holds for a kernel call in a role, as part of a pass; `null`: nothing, it is left alone. */
  effect(role: Role, kernel: string, layer: readonly string[], pass?: Role): Effect | null;
}

/** The passes that a role may be part of. */
const passesOf = (role: Role): readonly Role[] =>
  role === 'loss' || role === 'statistics' ? [role, ...roundedByDefault] : [role];

/** How to round: what is of no effect without a format. */
const manners = ['rounding', 'saturation', 'subnormals', 'randomBits', 'variant'];

/**
 * Refuses a manner of rounding that no format goes with in any call that it holds for. Rules of several layers may come
 * together in calls that are not foreseen here, so that a format in any of them will do.
 */
class MannerUse {
  readonly #unused = new Map<string, unknown>();
  readonly #used = new Set<string>();

  note(merged: Merged): void {
    for (const manner of manners) {
      const path = merged.pathOf(manner);
      if (path === undefined) continue;
      if (merged.rounds) this.#used.add(path);
      else this.#unused.set(path, merged.spec[manner]);
    }
  }

  check(layersHaveFormats: boolean): void {
    for (const [path, given] of this.#unused)
      if (!this.#used.has(path) && !(layersHaveFormats && path.startsWith('layers')))
        throw new ArgumentError(path, given, 'nothing without a format: none goes with it');
  }
}

/** Fills in the defaults of a policy and checks it. Throws ArgumentError that names the field by its path. */
export function resolvePolicy(policy: Policy): ResolvedPolicy {
  checkPolicy(policy);
  const { kernels = 'own', log = false, seed = 0 } = policy;
  const rules = new Rules(policy);
  const patterns = Object.keys(rules.layers);
  const grids: Grid[] = [];
  const make = effectMaker(seed, grids);
  const use = new MannerUse();

  const chain = (role: Role, kernel: string, layer: readonly string[], pass: Role): Effect | null => {
    const merged = rules.merged(role, kernel, layer, pass);
    if (merged === undefined) return null;
    use.note(merged);
    return merged.check(() => make(merged.spec, rules.namesKernel(kernel, layer)));
  };

  const known = new Map<string, Effect | null>();
  const lookUp = (role: Role, kernel: string, layer: readonly string[], pass: Role): Effect | null => {
    const key = `${role} ${pass} ${kernel} ${layer.join('/')}`;
    let found = known.get(key);
    if (found === undefined) {
      found = chain(role, kernel, layer, pass);
      known.set(key, found);
    }
    return found;
  };

  const kernelPaths = rules.kernelPaths();
  // What is wrong is said now, not at the first kernel that it concerns.
  for (const role of roles)
    for (const pass of passesOf(role))
      for (const kernel of ['', 'BatchMatMul', ...kernelPaths.keys()])
        for (const layer of [[], ...patterns.map((pattern) => [pattern])]) lookUp(role, kernel, layer, pass);
  use.check(Object.values(rules.layers).some(hasFormat));
  const entries = roles.map((role) => [role, lookUp(role, '', [], role)?.rounding ?? null] as const);
  const layers = layerUse(patterns);
  return {
    seed,
    kernels: typeof kernels === 'string' ? kernels : (kernels.implementation ?? 'own'),
    log,
    roles: Object.fromEntries(entries) as Record<Role, RoleRounding | null>,
    kernelPaths,
    hasLayers: patterns.length > 0,
    layerUse: layers,
    grids,
    effect(role, kernel, layer, pass = role) {
      layers.note(layer);
      return lookUp(role, kernel, layer, pass);
    },
  };
}
