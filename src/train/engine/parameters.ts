/**
 * The trained variables of a program as a recipe sees them: names, roles, depth, kinds. A model's own word goes before
 * what names and shapes suggest. Nothing is changed here.
 */

import type { LayersModel, Variable } from '@tensorflow/tfjs';
import { checkAbsent, checkList, checkSome } from '../../check.ts';
import { ArgumentError } from '../../errors.ts';
import { checkDtype } from '../../tfjs/check-tensors.ts';
import type { TensorFlow } from '../../tfjs/index.ts';
import type { Parameter } from '../model.ts';
import { isSlotted, type ParameterRole } from '../parameter-role.ts';

/** One trained variable. */
export interface EngineParameter {
  /** The variable's, or what the model calls it. */
  readonly name: string;
  readonly role: ParameterRole;
  readonly shape: readonly number[];
  /** The layer that has it, for globs: its name without the last part. */
  readonly layer: string;
  /** Index of its block, from 0. */
  readonly depth: number;
  /** The axis of the output channels. */
  readonly channelAxis: number;
  /** Which projection of a block it is, where the name says so: `q k v o gate up down`. */
  readonly kind: string | undefined;
  /** Whether it is the weight that the model's input meets first, or that makes its output. */
  readonly ends: readonly ('first' | 'last')[];
  /** A model may make its variable anew. */
  readonly variable: Variable;
}

/** A parameter whose depth among the others is not known yet. */
type UnplacedParameter = Omit<EngineParameter, 'depth' | 'ends' | 'channelAxis'>;

const kinds: readonly (readonly [RegExp, string])[] = [
  [/(^|[./_-])(q|query|wq|q_proj)($|[./_-])/i, 'q'],
  [/(^|[./_-])(k|key|wk|k_proj)($|[./_-])/i, 'k'],
  [/(^|[./_-])(v|value|wv|v_proj)($|[./_-])/i, 'v'],
  [/(^|[./_-])(o|output|wo|o_proj|out_proj)($|[./_-])/i, 'o'],
  [/(^|[./_-])(gate|gate_proj)($|[./_-])/i, 'gate'],
  [/(^|[./_-])(up|up_proj)($|[./_-])/i, 'up'],
  [/(^|[./_-])(down|down_proj)($|[./_-])/i, 'down'],
];

/** The projection that a name says, if it does. */
function kindOf(name: string): string | undefined {
  return kinds.find(([pattern]) => pattern.test(name))?.[1];
}

/** What names and shapes suggest. Convolutions have filters of three axes or more. */
function roleOf(name: string, shape: readonly number[]): ParameterRole {
  if (shape.length >= 3) return 'convolution';
  if (shape.length === 2) {
    if (/embedding/i.test(name)) return 'embedding';
    return /(^|[./_-])(lm_?)?head($|[./_-])/i.test(name) ? 'head' : 'linear';
  }
  return /gamma|beta|gain|norm/i.test(name) ? 'norm' : 'bias';
}

/** The axis of a weight's output channels; of a depthwise filter those of its inputs. */
function channelAxisOf(name: string, { length }: readonly number[], areOutputsFirst: boolean): number {
  if (length === 4 && /depthwise/i.test(name)) return 2;
  return areOutputsFirst && length === 2 ? 0 : length - 1;
}

/** The name without its last part: `dense_Dense1/kernel` has the layer `dense_Dense1`. */
function layerOf(name: string): string {
  const cut = name.lastIndexOf('/');
  return cut > 0 ? name.slice(0, cut) : name;
}

/**
 * Gives each parameter the index of its block: the first number of its name (`layers.3.mlp.up`), or its place among the layers
 * with matrices or filters; norms and biases without such a number are of the block before them.
 * @param areOutputsFirst in matrices
 */
export function placed(parameters: readonly UnplacedParameter[], areOutputsFirst = false): EngineParameter[] {
  const numbered = parameters.filter(({ role }) => isSlotted(role));
  const numberOf = ({ name }: UnplacedParameter): number | undefined => {
    const found = /(?:^|[./])(?:layers?|blocks?|h)[./_](\d+)(?=[./_]|$)/i.exec(name)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const areNamed = numbered.length > 0 && numbered.every((one) => numberOf(one) !== undefined);
  const layers = [...new Set(numbered.map(({ layer }) => layer))];
  const products = parameters.filter(({ role }) => isSlotted(role) || role === 'head');
  const isLookedUp = parameters.some(({ role }) => role === 'embedding');
  const [first, last] = [isLookedUp ? undefined : products[0], products.at(-1)];
  let before = -1;
  const placeOf = ({ layer, role }: UnplacedParameter): number => {
    const own = layers.indexOf(layer);
    if (own >= 0) before = own;
    return own < 0 && ['norm', 'gain', 'bias'].includes(role) ? before : own;
  };
  return parameters.map((one) => {
    const depth = areNamed ? (numberOf(one) ?? -1) : placeOf(one);
    const { name, role, shape, layer, kind } = one;
    return {
      ...{ name, role, shape, layer, kind, depth },
      channelAxis: channelAxisOf(name, shape, areOutputsFirst),
      ends: [...(one === first ? (['first'] as const) : []), ...(one === last ? (['last'] as const) : [])],
      get variable() {
        return one.variable;
      },
    };
  });
}

/** A variable that the program has not disposed; undefined passes. Throws ArgumentError. */
export function checkAlive(
  path: string,
  variable: { readonly isDisposed: boolean } | null | undefined,
): void {
  const accepted = 'a variable that is not disposed as long as the recipe is in force';
  if (variable?.isDisposed) throw new ArgumentError(path, 'a disposed variable', accepted);
}

type LayerWeight = { readonly originalName: string; readonly name: string; readonly val: Variable };

function ofModel(model: LayersModel): UnplacedParameter[] {
  const seen = new Set<Variable>();
  return model.layers.flatMap((layer) =>
    (layer.trainableWeights as unknown as LayerWeight[]).flatMap(({ originalName, val }) => {
      if (seen.has(val)) return [];
      seen.add(val);
      const own = originalName.split('/').pop()!;
      const name = nameIn(layer.name, originalName);
      checkAlive(`model.${name}`, val);
      const role = roleOf(`${layer.getClassName()}/${layer.name}/${own}`, val.shape);
      return [
        {
          name,
          role,
          shape: val.shape,
          layer: layer.name,
          kind: kindOf(own) ?? kindOf(layer.name),
          variable: val,
        },
      ];
    }),
  );
}

/** A weight of a model that training does not move by gradients. */
export interface UntrainedWeight {
  readonly name: string;
  readonly variable: Variable;
}

/** The weights of a model that are not trained: moving means, frozen layers. None where there is no model. */
export function untrainedWeights(model: unknown): UntrainedWeight[] {
  const seen = new Set<Variable>();
  return ((model as LayersModel | undefined)?.layers ?? []).flatMap((layer) =>
    (layer.nonTrainableWeights as unknown as LayerWeight[]).flatMap(({ originalName, val }) => {
      if (seen.has(val)) return [];
      seen.add(val);
      return [{ name: nameIn(layer.name, originalName), variable: val }];
    }),
  );
}

/** A weight's name, which has the layer's in it. */
function nameIn(layer: string, originalName: string): string {
  return originalName.includes(layer) ? originalName : `${layer}/${originalName}`;
}

/** The parameters of a model of the harness, whose variables may be made anew from step to step. */
export function parametersOf({
  parameters,
}: {
  readonly parameters: readonly Parameter[];
}): EngineParameter[] {
  return placed(
    parameters.map((one) => ({
      name: one.name,
      role: one.role,
      shape: one.shape,
      layer: one.name,
      kind: kindOf(one.name),
      get variable() {
        return one.variable;
      },
    })),
    true,
  );
}

/**
 * The trained variables of a model, of a list, or of the whole program.
 * @throws ArgumentError for what is none of these, disposed variables, variables of one name.
 */
export function discoverParameters(
  tf: TensorFlow,
  { model, variables }: { readonly model?: unknown; readonly variables?: unknown },
): EngineParameter[] {
  if (model !== undefined) {
    checkAbsent('variables', variables, 'either a model or variables');
    const { layers } = (model ?? {}) as Partial<LayersModel>;
    if (!Array.isArray(layers))
      throw new ArgumentError('model', model, 'a model of the layers API, or variables in its place');
    const found = ofModel(model as LayersModel);
    checkSome('model', found, 'a model that is built and has trained weights', model);
    return placed(found);
  }
  const list =
    variables ?? Object.values(tf.engine().registeredVariables).filter(({ trainable }) => trainable);
  const accepted = 'a list of at least one trained variable';
  const given = checkList('variables', list, accepted);
  checkSome('variables', given, accepted);
  const names = new Set<string>();
  const found = given.map((given: unknown, i): UnplacedParameter => {
    const path = `variables[${i}]`;
    if (!(given instanceof tf.Variable) || given.isDisposed)
      throw new ArgumentError(path, given, 'a variable that is not disposed');
    const { name, shape, trainable } = given;
    checkDtype(path, given, 'float32');
    if (!trainable) throw new ArgumentError(path, name, 'a variable that is trained');
    if (names.has(name)) throw new ArgumentError(path, name, 'variables of different names');
    names.add(name);
    return {
      name,
      role: roleOf(name, shape),
      shape,
      layer: layerOf(name),
      kind: kindOf(name),
      variable: given,
    };
  });
  return placed(found);
}
