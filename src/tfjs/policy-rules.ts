/**
 * The rules of a policy: which hold for a kernel call by its role, kernel and layer, in which order, and what they come to,
 * field by field, each field with the path that it has in the policy.
 */

import { pathOf, refusedAs } from '../check.ts';
import { type Format, type FormatSpelling, isBlockFormat, isFormat } from '../formats/index.ts';
import { roundingOrQuantizer } from '../quantizers/index.ts';
import { kernelFamilies, productNames } from './kernel-names.ts';
import { matchesLayer } from './layer-names.ts';
import type { KernelSpec, LayerSpec, Policy, Role, Rule } from './policy.ts';

/** Losses, statistics and the optimiser are float32 in mixed-precision training, and `other` is not the model's. */
export const roundedByDefault: ReadonlySet<Role> = new Set(['forward', 'backward', 'predict']);

type AnyRule = LayerSpec | Format | FormatSpelling | null;

/** Whether a rule is a format alone, or null. */
const isShort = (rule: AnyRule): rule is Format | FormatSpelling | null =>
  rule === null || typeof rule === 'string' || isFormat(rule);

/** A rule with the path that it has in the policy. */
interface Placed {
  readonly path: string;
  readonly rule: AnyRule;
  /** Whether it names the kernel: `inputs` then hold for any. */
  readonly isKernels: boolean;
}

const placed = (path: string, rule: AnyRule | undefined, isKernels = false): Placed[] =>
  rule === undefined ? [] : [{ path, rule, isKernels }];

/** The rules for a kernel: those of its family first, then its own. */
function kernelRules(path: string, kernel: string, kernels: Readonly<Record<string, Rule>>): Placed[] {
  const families = Object.keys(kernelFamilies).filter((family) => kernelFamilies[family]!.includes(kernel));
  return [...families, kernel].flatMap((name) =>
    Object.hasOwn(kernels, name) ? placed(pathOf(path, name), kernels[name], true) : [],
  );
}

/** Whether a rule of a layer has a format anywhere. */
export function hasFormat(rule: AnyRule | undefined): boolean {
  if (rule === undefined || rule === null) return false;
  if (isShort(rule) || rule.format !== undefined || roundsInputs(rule.inputs)) return true;
  return [...Object.values(rule.roles ?? {}), ...Object.values(rule.kernels ?? {})].some(hasFormat);
}

/** Whether the operands are rounded, in the manner of the role where theirs says nothing else. */
function roundsInputs(inputs: KernelSpec['inputs']): boolean {
  if (inputs === undefined || inputs === null || isBlockFormat(inputs)) return false;
  if (typeof inputs === 'string') return roundingOrQuantizer(inputs).rounding !== undefined;
  if (isFormat(inputs)) return true;
  if ('format' in inputs) return !('scale' in inputs);
  return Object.values(inputs).some((given) => roundsInputs(given as KernelSpec['inputs']));
}

/** Rules put together for one kernel call: later ones take the place of earlier ones, field by field. */
export class Merged {
  readonly spec: Record<string, unknown> = {};
  /** Where each field comes from, by its path in the policy. */
  readonly #paths = new Map<string, string>();

  add({ path, rule, isKernels }: Placed, isProduct: boolean): void {
    const given = isShort(rule) ? { format: rule } : rule;
    for (const [field, value] of Object.entries(given)) {
      if (value === undefined || field === 'roles' || field === 'kernels') continue;
      // Said of a role or a layer, these are about products; said of a kernel, about it.
      if (field === 'inputs' && !isKernels && !isProduct) continue;
      if (field === 'accumulator' && !isProduct) continue;
      this.spec[field] = value;
      this.#paths.set(field, isShort(rule) ? path : pathOf(path, field));
    }
  }

  /** Whether the manner of rounding is of use. */
  get rounds(): boolean {
    const { format, inputs } = this.spec as KernelSpec & { format?: unknown };
    return (format !== undefined && format !== null) || roundsInputs(inputs);
  }

  /** The path of a field in the policy. */
  pathOf(field: string): string | undefined {
    return this.#paths.get(field);
  }

  /** Runs a check of what has been put together; what is wrong is the field of the rule that it comes from. */
  check<T>(run: () => T): T {
    return refusedAs(run, ({ argument }) => {
      const [field] = /^\w*/.exec(argument)!;
      const path = this.#paths.get(field!);
      return path === undefined ? undefined : path + argument.slice(field!.length);
    });
  }
}

/** The rules of a policy, and how they come together. */
export class Rules {
  readonly byRole: NonNullable<Policy['roles']>;
  readonly byKernel: Readonly<Record<string, Rule>>;
  readonly layers: NonNullable<Policy['layers']>;
  readonly #defaults: KernelSpec;

  constructor({ roles: byRole = {}, kernels = {}, layers = {}, seed: _, log: __, ...defaults }: Policy) {
    const { implementation: ___, ...byKernel } = typeof kernels === 'string' ? {} : kernels;
    this.byRole = byRole;
    this.byKernel = byKernel as Readonly<Record<string, Rule>>;
    this.layers = layers;
    this.#defaults = defaults;
  }

  /** Whether something is said of a role in a layer. The empty name means all that is in no layer, losses included. */
  #isNamed(role: Role, layer: readonly string[]): boolean {
    return (
      this.byRole[role] !== undefined ||
      Object.entries(this.layers).some(
        ([pattern, rule]) =>
          matchesLayer(pattern, layer) &&
          ((role === 'loss' && pattern === '') ||
            (rule !== undefined && !isShort(rule) && rule.roles?.[role] !== undefined)),
      )
    );
  }

  /** The rules that hold for a call, in their order; undefined: it is left alone. */
  #applying(role: Role, kernel: string, layer: readonly string[], pass: Role): Placed[] | undefined {
    const ofRole = this.byRole[role];
    if (ofRole === null || !(roundedByDefault.has(role) || this.#isNamed(role, layer))) return undefined;
    const found = placed('', this.#defaults);
    for (const part of new Set([pass, role])) found.push(...placed(`roles.${part}`, this.byRole[part]));
    found.push(...kernelRules('kernels', kernel, this.byKernel));
    for (const [pattern, rule] of Object.entries(this.layers)) {
      if (!matchesLayer(pattern, layer)) continue;
      const path = pathOf('layers', pattern);
      found.push(...placed(path, rule));
      if (rule === undefined || isShort(rule)) continue;
      for (const part of new Set([pass, role]))
        found.push(...placed(`${path}.roles.${part}`, rule.roles?.[part]));
      found.push(...kernelRules(`${path}.kernels`, kernel, rule.kernels ?? {}));
    }
    return found;
  }

  /** All of them for one call. */
  merged(role: Role, kernel: string, layer: readonly string[], pass: Role): Merged | undefined {
    const rules = this.#applying(role, kernel, layer, pass);
    if (rules === undefined) return undefined;
    const merged = new Merged();
    for (const rule of rules) merged.add(rule, productNames.has(kernel));
    return merged;
  }

  /** Whether a rule names the kernel itself. */
  namesKernel(kernel: string, layer: readonly string[]): boolean {
    return (
      Object.hasOwn(this.byKernel, kernel) ||
      Object.entries(this.layers).some(
        ([pattern, rule]) =>
          rule !== undefined &&
          !isShort(rule) &&
          matchesLayer(pattern, layer) &&
          Object.hasOwn(rule.kernels ?? {}, kernel),
      )
    );
  }

  /** Kernels that have rules, each with the path of one. */
  kernelPaths(): Map<string, string> {
    const paths = new Map<string, string>();
    const add = (path: string, rules: object): void => {
      for (const name of Object.keys(rules))
        for (const kernel of kernelFamilies[name] ?? [name])
          if (!paths.has(kernel)) paths.set(kernel, pathOf(path, name));
    };
    add('kernels', this.byKernel);
    for (const [pattern, rule] of Object.entries(this.layers))
      if (rule !== undefined && !isShort(rule))
        add(`${pathOf('layers', pattern)}.kernels`, rule.kernels ?? {});
    return paths;
  }
}
