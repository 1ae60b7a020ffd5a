/**
 * The check of a policy as a whole: every field of every rule, with its path (`layers['block*'].inputs.a`). What a rounding
 * and a format make of each other is seen where they meet (`policy.ts`).
 */
import {
  checkAbsent,
  checkBoolean,
  checkFields,
  checkObject,
  integerInRange,
  oneOf,
  pathOf,
  refusedAs,
  within,
} from '../check.ts';
import { ArgumentError } from '../errors.ts';
import { type Format, findBlockFormat, isBlockFormat, isFormat, toFormat } from '../formats/index.ts';
import { type QuantizerOptions, quantizer, roundingOrQuantizer } from '../quantizers/index.ts';
import { roundingModes, saturations, stochasticVariants, subnormalTreatments } from '../rounding/options.ts';
import { checkAccumulator } from './accumulator.ts';
import { fusedNames, kernelFamilies, productNames } from './kernel-names.ts';
import { operandNames } from './operand-names.ts';
import { type Policy, roles } from './policy.ts';

const roundingNames = ['format', 'rounding', 'saturation', 'subnormals', 'randomBits', 'variant'];
const ruleNames = [...roundingNames, 'inputs', 'accumulator', 'fused'];
const layerNames = [...ruleNames, 'roles', 'kernels'];
const policyNames = ['seed', ...layerNames, 'layers', 'log'];
const implementations = ['own', 'stock'] as const;

type Fields = Readonly<Record<string, unknown>>;

/** A format of numbers, by itself or its name. */
function checkFormat(path: string, given: unknown): void {
  refusedAs(
    () => {
      if (typeof given === 'string' && findBlockFormat(given) !== undefined)
        throw new ArgumentError('format', given, 'a format of numbers; blocks are for operands: inputs');
      toFormat(given as Format);
    },
    ({ argument }) => (argument === 'format' ? path : `${path}: ${argument}`),
  );
}

/** The modes of a rounding, each by itself. */
function checkModes(path: string, given: Fields): void {
  const { format, rounding, saturation, subnormals, randomBits, variant } = given;
  if (format !== undefined) checkFormat(pathOf(path, 'format'), format);
  if (rounding !== undefined) oneOf(pathOf(path, 'rounding'), rounding, roundingModes);
  if (saturation !== undefined) oneOf(pathOf(path, 'saturation'), saturation, saturations);
  if (subnormals !== undefined) oneOf(pathOf(path, 'subnormals'), subnormals, subnormalTreatments);
  if (randomBits !== undefined) integerInRange(pathOf(path, 'randomBits'), randomBits, 1, 32);
  if (variant !== undefined) oneOf(pathOf(path, 'variant'), variant, stochasticVariants);
}

const treatments = 'a format, a block format, a rounding, a quantiser or its name (int4/row), null';

/** What one operand is put through: a rounding or a quantiser. */
function checkTreatment(path: string, given: unknown): void {
  if (typeof given === 'string') {
    refusedAs(
      () => roundingOrQuantizer(given),
      ({ argument }) => (argument === 'format' || argument === 'quantizer' ? path : `${path}: ${argument}`),
    );
    return;
  }
  if (isFormat(given) || isBlockFormat(given)) return;
  const object = checkObject(path, given, treatments) as Fields;
  if (object['scale'] !== undefined) {
    within(path, () => quantizer(object as unknown as QuantizerOptions));
    return;
  }
  checkFields(path, object, roundingNames);
  checkModes(path, object);
  if (object['format'] === undefined)
    throw new ArgumentError(
      pathOf(path, 'format'),
      undefined,
      'a format or its name, which the rest is about',
    );
}

/** Fields that say how, of what a `format` says to what. */
const manners: readonly string[] = [...roundingNames, 'scale', 'transform', 'strength', 'nan'];

/** `inputs`: one treatment for all operands, or one for each by its name; of these kernels. */
function checkInputs(path: string, given: unknown, kernels: readonly string[]): void {
  if (given === undefined || given === null) return;
  const isOne = typeof given === 'string' || isFormat(given) || isBlockFormat(given);
  if (isOne || (given as Fields)['format'] !== undefined) {
    checkTreatment(path, given);
    return;
  }
  const object = checkObject(path, given, `${treatments}, or one of these by operand`) as Fields;
  const lists = kernels.map(operandNames);
  const known = [...new Set(lists.flatMap((list) => (list === 'numbered' ? ['0', '1'] : (list ?? []))))];
  for (const [name, treatment] of Object.entries(object)) {
    const isNumber = /^\d+$/.test(name) && lists.includes('numbered');
    // Only TensorFlow.js' own kernels have known operands.
    const isOperand = known.includes(name) || isNumber || lists.includes(undefined);
    if (!isOperand && manners.includes(name))
      throw new ArgumentError(pathOf(path, 'format'), undefined, `a format or its name, as ${name} is given`);
    if (!isOperand)
      throw new ArgumentError(
        pathOf(path, name),
        treatment,
        known.length === 0 ? 'nothing: no operands' : `no such operand; ${known.join(', ')}`,
      );
    if (treatment !== null && treatment !== undefined) checkTreatment(pathOf(path, name), treatment);
  }
}

/** A rule with fields of these names, for these kernels. */
function checkRule(path: string, rule: unknown, names: readonly string[], kernels: readonly string[]): void {
  if (rule === null || rule === undefined) return;
  if (typeof rule === 'string' || isFormat(rule)) {
    checkFormat(path, rule);
    return;
  }
  const object = checkObject(path, rule, 'an object, a format or its name, null') as Fields;
  checkFields(path, object, names);
  checkModes(path, object);
  checkInputs(pathOf(path, 'inputs'), object['inputs'], kernels);
  const { accumulator, fused } = object;
  if (accumulator !== undefined) checkAccumulator(pathOf(path, 'accumulator'), accumulator);
  if (fused !== undefined) oneOf(pathOf(path, 'fused'), fused, ['once', 'decomposed']);
}

const products = [...productNames];

/** Rules by kernel. */
function checkKernels(path: string, given: object): void {
  for (const [name, rule] of Object.entries(given)) {
    const kernels = kernelFamilies[name] ?? [name];
    const own = pathOf(path, name);
    checkRule(own, rule, ruleNames, kernels);
    if (typeof rule !== 'object' || rule === null || isFormat(rule)) continue;
    const { accumulator, fused } = rule as Fields;
    if (!kernels.some((kernel) => productNames.has(kernel)))
      checkAbsent(pathOf(own, 'accumulator'), accumulator, 'nothing: for matmul and convolution only');
    if (!kernels.some((kernel) => fusedNames.has(kernel)))
      checkAbsent(
        pathOf(own, 'fused'),
        fused,
        `nothing: for ${[...fusedNames.keys()].join(', ')} and their families only`,
      );
  }
}

/** Rules by role. */
function checkRoles(path: string, given: unknown): void {
  checkFields(path, given, roles);
  for (const [name, rule] of Object.entries(given ?? {}))
    checkRule(pathOf(path, name), rule, ruleNames, products);
}

/** Rules by layer, with roles and kernels of their own. */
function checkLayers(given: unknown): void {
  if (given === undefined) return;
  for (const [pattern, rule] of Object.entries(checkObject('layers', given, 'an object of rules by layer'))) {
    const path = pathOf('layers', pattern);
    checkRule(path, rule, layerNames, products);
    if (typeof rule !== 'object' || rule === null || isFormat(rule)) continue;
    const { roles: ofRoles, kernels } = rule as Fields;
    checkRoles(pathOf(path, 'roles'), ofRoles);
    if (kernels === undefined) continue;
    checkKernels(
      pathOf(path, 'kernels'),
      checkObject(pathOf(path, 'kernels'), kernels, 'an object of rules by kernel'),
    );
  }
}

/**
 * Checks every field of a policy.
 *
 * @throws ArgumentError that names the field by its whole path
 */
export function checkPolicy(policy: unknown): asserts policy is Policy {
  const {
    kernels,
    roles: ofRoles,
    layers,
    log,
    seed,
    ...rule
  } = checkObject('policy', policy, "an object such as { format: 'bfloat16' }") as Fields;
  checkFields('', policy, policyNames);
  integerInRange('seed', seed, 0, Number.MAX_SAFE_INTEGER, 0);
  checkBoolean('log', log, false);
  checkRule('', rule, ruleNames, products);
  checkRoles('roles', ofRoles);
  checkLayers(layers);
  if (kernels === undefined) return;
  if (typeof kernels === 'string') {
    oneOf('kernels', kernels, implementations);
    return;
  }
  const { implementation, ...byKernel } = checkObject(
    'kernels',
    kernels,
    'own, stock, an object of rules by kernel',
  ) as Fields;
  if (implementation !== undefined) oneOf('kernels.implementation', implementation, implementations);
  checkKernels('kernels', byKernel);
}
