/**
 * Tells what a kernel call is for, without the user's help: the engine names its gradient scopes `forward` and `backward`,
 * operations name theirs, and what optimisers and models run is known by watching their methods (watched-methods.ts). A role
 * can be said as well (in-role.ts).
 * Source: tfjs-core `engine.ts` (`gradients`), `operation.ts`.
 */
import { framesAround, type NamedLayer } from './frames.ts';
import { type DataId, engineOf, type KernelInputs, type TensorFlow } from './internals.ts';
import type { Role } from './policy.ts';

/** What a kernel call is for. */
export interface Purpose {
  readonly role: Role;
  /** The pass that it is part of: the role, unless that is `loss` or `statistics`. */
  readonly pass: Role;
  /** The innermost layer of the layers API that it is in. */
  readonly layer: NamedLayer | undefined;
}

/** Operations of tfjs-core that are losses, by the names of their scopes. */
const lossScopes: ReadonlySet<string> = new Set([
  'absoluteDifference__op',
  'computeWeightedLoss__op',
  'cosineDistance__op',
  'hingeLoss__op',
  'huberLoss__op',
  'logLoss__op',
  'meanSquaredError__op',
  'sigmoidCrossEntropy__op',
  'softmaxCrossEntropy__op',
]);

/** Operations of tfjs-core that update a statistic. */
const statisticScopes: ReadonlySet<string> = new Set(['movingAverage__op']);

/** Whether an operation is the sum of a uniform number and a probability by which dropout decides. */
const isDropoutDraw = (outer: string, inner: string | undefined): boolean =>
  outer === 'dropout__op' && inner === 'add__op';

/** Passes in which losses and statistics are told apart from the rest. */
const modelPasses: ReadonlySet<Role> = new Set(['forward', 'backward', 'predict']);

/** Data that role `loss` made: what is computed from it outside of layers is loss too, and so are sums of its gradients. */
const lossData = new WeakSet<DataId>();

/** For the interception: role `loss` has made the data. */
export function markLoss(dataId: DataId): void {
  lossData.add(dataId);
}

interface Surroundings {
  readonly pass: Role;
  /** `loss` or `statistics`, if it is that. */
  readonly special: Role | undefined;
  /** Whether the pass is known by a scope of the engine, not by a word of the user. */
  readonly isTaped: boolean;
  /** Whether what is computed from a loss is loss: outside of layers, and where the engine adds gradients. */
  readonly isOpen: boolean;
  /** The innermost layer that it is in, within the pass. */
  readonly layer: NamedLayer | undefined;
}

/** Walks from the inside out: the scopes of the engine inside a frame, then the frame. */
function surroundings(tf: TensorFlow): Surroundings {
  const scopes = engineOf(tf).state.scopeStack;
  const around = framesAround();
  let pass: Role | undefined;
  let special: Role | undefined;
  let isSaid = false;
  let layer: NamedLayer | undefined;
  let isTaped = false;
  let isOpen = false;
  let end = scopes.length;
  walk: for (let f = 0; f <= around.length; f++) {
    const frame = around[f];
    const begin = Math.min(frame?.depth ?? 0, end);
    for (let i = end - 1; i >= begin && pass === undefined; i--) {
      const { name } = scopes[i]!;
      if (name === 'backward') {
        pass = name;
        isTaped = true;
        isOpen = true;
        break walk;
      }
      // Whether it is a model's objective of which the gradient is taken is seen further outside.
      if (name === 'forward') {
        pass = name;
        isTaped = true;
      } else if (lossScopes.has(name)) special ??= 'loss';
      else if (statisticScopes.has(name) || isDropoutDraw(name, scopes[i + 1]?.name))
        special ??= 'statistics';
    }
    end = begin;
    if (frame === undefined) break;
    const { content } = frame;
    if (content.kind === 'layer') layer ??= content.layer;
    else if (content.kind === 'objective') {
      if (layer === undefined) special ??= 'loss';
    } else if (pass !== undefined) break;
    else if (content.kind === 'gradient') {
      pass = 'backward';
      isTaped = true;
      if (content.role === 'loss') special ??= 'loss';
      break;
    } else if (content.role !== 'loss' && content.role !== 'statistics') {
      pass = content.role;
      break;
    } else if (special === undefined && layer === undefined) {
      // A layer inside of it would be the model's.
      special = content.role;
      isSaid = true;
    }
  }
  if (pass === 'forward' && isTaped) isOpen = layer === undefined;
  pass ??= 'other';
  if (!isSaid && !modelPasses.has(pass)) special = undefined;
  return { pass, special, isTaped, isOpen, layer };
}

/** The purpose of an operation on tensors that is called now. */
export function purposeOf(tf: TensorFlow, inputs: KernelInputs): Purpose {
  const { pass, special, isOpen, layer } = surroundings(tf);
  if (special !== undefined) return { role: special, pass, layer };
  const isLoss = isOpen && Object.values(inputs).some((info) => info != null && lossData.has(info.dataId));
  return { role: isLoss ? 'loss' : pass, pass, layer };
}

/** The role of a kernel called now: the innermost of gradient scopes and entered roles. */
export function currentRole(tf: TensorFlow): Role {
  return purposeOf(tf, {}).role;
}

/** Whether a gradient is being taken around the code that runs now, and no role was said inside of it. */
export function isTaped(tf: TensorFlow): boolean {
  return surroundings(tf).isTaped;
}
