/**
 * Watches the products of a TensorFlow.js program and puts their operands and results through slots: each forward call is
 * remembered until its gradient has been taken, so that the two products of its backward pass are known by the call that they
 * belong to, however the gradient is written: registered, or a closure that calls products by itself.
 *
 * What the slots do is the provider's business; images are made in product-images.ts; rounding of kernels is interception.ts'.
 * Operands of one call are told apart by their data, which reshapes share and of which transpositions keep track (data-origins.ts).
 * Source: tfjs-core `engine.ts` (`runKernelFunc`, `addTapeNode`, `gradients`).
 */
import type { Tensor, Variable } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import { DataOrigins } from './data-origins.ts';
import {
  backendOf,
  type DataId,
  engineOf,
  type KernelArguments,
  type KernelResult,
  type TapeNode,
  type TensorFlow,
  type TensorInfo,
} from './internals.ts';
import { currentLayer } from './layers.ts';
import type { EmulationLog } from './log.ts';
import { ProductImages, type RunProduct, sumsElements } from './product-images.ts';
import { isProduct, operandNames } from './product-kernels.ts';
import { heldSide, type Image, type Side, tensorsOf } from './product-sides.ts';
import type { ProductSlots, SlotOperand, SlotProvider } from './product-slots.ts';
import { normGradient, swapLast } from './row-norms.ts';
import { type Held, SavedTensors, type TensorCodec } from './saved-tensors.ts';
import { watchDisposal, watchTape } from './tape.ts';

interface ForwardCall {
  readonly kernel: string;
  readonly slots: ProductSlots;
  x: Side;
  w: Side;
  /** Names of the operands in the kernel. */
  readonly names: { readonly x: string; readonly w: string };
  /** For messages. */
  readonly path: string;
}

/** The calls whose gradient is being taken, and with respect to which input of the node, where that is known. */
interface BackwardScope {
  readonly calls: readonly ForwardCall[];
  readonly target: string | undefined;
}

const noImages: ReadonlySet<string> = new Set();

/** Whether elements are summed in some product that may read a forward image. */
const useUnits = ({ forward, inputGradient, weightGradient }: ProductSlots): boolean =>
  [forward, inputGradient, weightGradient].some(({ accumulate }) => sumsElements(accumulate));

/** A weight whose outputs are summed over: the gradient that meets it has their units. */
function withoutOutputs(image: Image | undefined): Image | undefined {
  if (image?.grid?.outputs === undefined) return image;
  const { outputs: _, ...grid } = image.grid;
  return { ...image, grid };
}

export class ProductCalls {
  readonly #tf: TensorFlow;
  readonly #provider: SlotProvider;
  readonly #undo: (() => void)[] = [];
  /** Calls that no node of the tape has taken up yet. */
  #pending: ForwardCall[] = [];
  /** The parameters of all products that none has taken up; undefined: it has none. */
  #products: (Variable | undefined)[] = [];
  /** What operations keep for their gradients. */
  readonly saved: SavedTensors;
  #tell: (dataId: DataId, source: DataId) => void = () => undefined;
  readonly #scopes: BackwardScope[] = [];
  /** Whose values the operands are. */
  readonly origins: DataOrigins;
  readonly #images: ProductImages;

  /**
   * @param flips whether products have the same bits whichever way an operand is stored: ours have, stock ones sum transposed
   *   operands in another order
   */
  constructor(tf: TensorFlow, provider: SlotProvider, flips: boolean) {
    this.#tf = tf;
    this.#images = new ProductImages(tf, flips);
    this.origins = new DataOrigins(() => provider.variables);
    this.#provider = provider;
    this.saved = new SavedTensors(tf, provider, {
      ownerOf: (dataId) => this.origins.owner(dataId),
      standsFor: (dataId, source) => {
        this.origins.standsFor(dataId, source);
        this.#tell(dataId, source);
      },
    });
    this.#undo.push(
      watchTape(tf, {
        begins: () => {
          this.saved.begins();
          this.#products = [];
          provider.gradientBegins();
        },
        recorded: (node, saved) => this.#recorded(node, saved),
      }),
      watchDisposal(backendOf(tf), (dataId) => this.#images.forget(dataId)),
    );
  }

  /** Tells of decoded images of tensors whose place they take. */
  onImage(tell: (dataId: DataId, source: DataId) => void): void {
    this.#tell = tell;
  }

  /** Frees every image and puts the engine back. */
  stop(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
    for (const { x, w } of this.#pending) for (const tensor of [x, w].flatMap(tensorsOf)) tensor.dispose();
    this.#pending = [];
    this.#images.clear();
  }

  /** Runs a product of the program. */
  run(name: string, args: KernelArguments, log: EmulationLog | undefined, execute: RunProduct): KernelResult {
    const scope = this.#scopes[this.#scopes.length - 1];
    if (scope === undefined) return this.#forward(name, args, log, execute);
    return this.#backward(name, args, scope, execute);
  }

  #forward(
    name: string,
    args: KernelArguments,
    log: EmulationLog | undefined,
    execute: RunProduct,
  ): KernelResult {
    const plain = (): KernelResult => execute(args, { images: noImages, accumulate: null });
    const [first, second] = operandNames[name]!;
    const inputs = args.inputs as Record<string, TensorInfo | undefined>;
    const left = inputs[first];
    const right = inputs[second];
    if (left?.dtype !== 'float32' || right?.dtype !== 'float32') return plain();
    const [leftOwner, rightOwner] = [this.origins.owner(left.dataId), this.origins.owner(right.dataId)];
    const isFirst = rightOwner === undefined && leftOwner !== undefined;
    const parameter = rightOwner ?? leftOwner;
    const engine = engineOf(this.#tf);
    const isTaped = engine.state.gradientDepth > 0;
    const path = currentLayer(this.#tf);
    if (isTaped) this.#products.push(parameter);
    const names = isFirst ? { x: second, w: first } : { x: first, w: second };
    const { shape, dataId } = isFirst ? left : right;
    const weight = { shape, isSwap: this.origins.rootOf(dataId).isSwap };
    const product = { kernel: name, attrs: args.attrs, parameter, names, weight, path, isTaped, log };
    const slots = this.#provider.slotsOf(product);
    if (slots === null) return plain();
    const hasGrid = useUnits(slots);
    const side = (part: 'x' | 'w'): Side =>
      this.#images.side(name, names[part], inputs[names[part]]!, args, slots.forward[part], {
        isParameter: part === 'w' && parameter !== undefined,
        isTaped,
        hasGrid,
      });
    const [x, w] = [side('x'), side('w')];
    const call: ForwardCall = { kernel: name, slots, x, w, names, path: path.join('/') };
    try {
      const images = new Map([
        [names.x, x.image],
        [names.w, w.image],
      ]);
      const result = this.#images.execute(execute, name, args, images, slots.forward.accumulate);
      return this.#images.output(result, slots.forward.y, name, args, names.x);
    } finally {
      if (isTaped) this.#pending.push(call);
      else for (const tensor of [x, w].flatMap(tensorsOf)) tensor.dispose();
    }
  }

  #backward(name: string, args: KernelArguments, scope: BackwardScope, execute: RunProduct): KernelResult {
    const plain = (): KernelResult => execute(args, { images: noImages, accumulate: null });
    const [first, second] = operandNames[name]!;
    const inputs = args.inputs as Record<string, TensorInfo | undefined>;
    const infos = { [first]: inputs[first], [second]: inputs[second] };
    const found = this.#match(infos, scope);
    if (found === undefined) return plain();
    const { call, part, operand, isSwapped } = found;
    const gradient = operand === first ? second : first;
    const { slots } = call;
    const isInput = part === 'w';
    const own = isInput ? slots.inputGradient.w : slots.weightGradient.x;
    const { g, accumulate } = isInput ? slots.inputGradient : slots.weightGradient;
    const out = isInput ? slots.inputGradient.dx : slots.weightGradient.dw;
    const side = call[part];
    const made: Tensor[] = [];
    try {
      const images = new Map<string, Image | undefined>();
      const image = this.#images.backwardImage(
        name,
        operand,
        infos[operand]!,
        args,
        side,
        own,
        isSwapped,
        made,
      );
      images.set(operand, isInput ? withoutOutputs(image) : image);
      if (g !== null) {
        const info = infos[gradient]!;
        const view = this.#images.view(name, gradient, info.shape, args.attrs, g);
        const image = this.#images.image(this.#images.tensorOf(info), view, g, sumsElements(accumulate));
        made.push(image.tensor);
        images.set(gradient, image);
      }
      const result = this.#images.execute(execute, name, args, images, accumulate);
      return this.#images.output(result, out, name, args, isInput ? gradient : undefined);
    } finally {
      for (const tensor of made) tensor.dispose();
    }
  }

  /** Which call a backward product belongs to, and which of its operands is the call's own. */
  #match(
    infos: Readonly<Record<string, TensorInfo | undefined>>,
    { calls, target }: BackwardScope,
  ): { call: ForwardCall; part: 'x' | 'w'; operand: string; isSwapped: boolean } | undefined {
    const matches: { call: ForwardCall; part: 'x' | 'w'; operand: string; isSwapped: boolean }[] = [];
    for (const call of calls)
      for (const part of ['w', 'x'] as const)
        for (const [operand, info] of Object.entries(infos)) {
          if (info === undefined) continue;
          const own = this.origins.rootOf(call[part].dataId);
          const given = this.origins.rootOf(info.dataId);
          if (own.dataId === given.dataId)
            matches.push({ call, part, operand, isSwapped: own.isSwap !== given.isSwap });
        }
    if (matches.length <= 1 || target === undefined) return matches[0];
    // The gradient with respect to one operand reads the other.
    return matches.find(({ call, part }) => call.names[part === 'x' ? 'w' : 'x'] === target) ?? matches[0];
  }

  /** An operation is on the tape: the products that it has run are its own. `saved`: what it keeps for its gradient. */
  #recorded(node: TapeNode, saved: Tensor[]): void {
    const calls = this.#pending;
    // The engine records a clone wherever it is made, within the kernel of a product too.
    if (this.#isClone(node)) return;
    const products = this.#products;
    this.#pending = [];
    this.#products = [];
    const codec = this.saved.codecOf(node, products);
    const kept = calls.flatMap((call) => this.#held(call, codec));
    this.#backwardOf(node, calls);
    const isProductAlone = isProduct(node.kernelName);
    this.saved.keep(
      node,
      saved,
      codec,
      (tensor) => (isProductAlone ? this.#imageInPlaceOf(tensor, calls) : null),
      calls.flatMap(({ x, w }) => [...(x.held ?? []), ...(w.held ?? [])]),
    );
    // What a node has saved is freed with the tape.
    if (kept.length > 0) node.saved = [...node.saved, ...kept];
  }

  /** The codes of an image that both products of the backward pass read in place of an operand. */
  #imageInPlaceOf({ dataId, shape }: Tensor, calls: readonly ForwardCall[]): Held | null {
    for (const { x, w, slots } of calls)
      for (const [side, own] of [
        [x, slots.weightGradient.x],
        [w, slots.inputGradient.w],
      ] as const) {
        const { heldImage, hasOperand, view } = side;
        if (heldImage === undefined || own !== 'same' || hasOperand) continue;
        if (this.origins.rootOf(side.dataId).dataId === this.origins.rootOf(dataId).dataId && !view!.flips)
          return { ...heldImage, shape, source: dataId };
      }
    return null;
  }

  /** Tells the gradient of a node which calls it belongs to. */
  #backwardOf(node: TapeNode, calls: readonly ForwardCall[]): void {
    if (calls.length === 0) return;
    const { gradient } = node;
    if (gradient === undefined) return;
    const within = <T>(target: string | undefined, fn: () => T): T => {
      this.#scopes.push({ calls, target });
      try {
        return fn();
      } finally {
        this.#scopes.pop();
      }
    };
    const inputs = node.inputs;
    node.gradient = (dys) => {
      const thunks = within(undefined, () => gradient.call(node, dys));
      return Object.fromEntries(
        Object.entries(thunks).map(([name, thunk]) => [
          name,
          () => this.#pulledBack(calls, inputs, name, within(name, thunk)),
        ]),
      );
    };
  }

  /** Holds the activations that a call's backward products read as a codec says; gives the tensors that stay as they are. */
  #held(call: ForwardCall, codec: TensorCodec | null): Tensor[] {
    return (['x', 'w'] as const).flatMap((part) => {
      const side = call[part];
      if (this.origins.owner(side.dataId) !== undefined) return tensorsOf(side);
      const own = part === 'x' ? call.slots.weightGradient.x : call.slots.inputGradient.w;
      const { side: held, kept } = heldSide(this.saved, side, codec, own === 'same' || own?.of === 'image');
      call[part] = held;
      return kept;
    });
  }

  #isClone({ inputs, outputs }: TapeNode): boolean {
    const root = ({ dataId }: Tensor): DataId => this.origins.rootOf(dataId).dataId;
    return (
      outputs.length === 1 &&
      Object.values(inputs).some((input) => input && root(input) === root(outputs[0]!))
    );
  }

  /** A gradient with respect to an input, through the norm and the quantiser before the product. */
  #pulledBack(
    calls: readonly ForwardCall[],
    inputs: TapeNode['inputs'],
    name: string,
    gradient: Tensor,
  ): Tensor {
    const dataId = inputs[name]?.dataId;
    let result = gradient;
    for (const call of calls)
      for (const part of ['x', 'w'] as const) {
        const { slot, operand, dataId: own } = call[part];
        if (slot === null || operand === undefined || dataId === undefined) continue;
        if (this.origins.rootOf(own).dataId !== this.origins.rootOf(dataId).dataId) continue;
        // One tensor that is both operands has a gradient for each.
        if (Object.hasOwn(inputs, call.names[part]) && call.names[part] !== name) continue;
        if (calls.length > 1)
          throw new ArgumentError(
            call.path,
            `${calls.length} products`,
            'one product in an operation with a gradient of its own, where operands are normed or have gradient rules',
          );
        result = this.#pullBack(call, part, slot, operand, result);
      }
    return result;
  }

  #pullBack(
    call: ForwardCall,
    part: 'x' | 'w',
    slot: SlotOperand,
    operand: Tensor,
    gradient: Tensor,
  ): Tensor {
    const tf = this.#tf;
    const { normed, view } = call[part];
    const { inputGradient, weightGradient } = call.slots;
    const other = call[part === 'x' ? 'w' : 'x'].slot;
    const read = part === 'x' ? inputGradient.w : weightGradient.x;
    const isTurned = slot.stays && other?.stays === true && (read === 'same' || read?.of === 'image');
    const layout = view!;
    return tf.tidy(() => {
      let inner = layout.toMatrix(tf.reshape(gradient, operand.shape));
      if (slot.pullback !== undefined)
        inner = slot.pullback(layout.toMatrix(normed ?? operand), inner, isTurned);
      if (slot.norm !== undefined) inner = normGradient(tf, layout.toMatrix(operand), inner, slot.norm);
      const whole = layout.fromMatrix(inner);
      return tf.reshape(layout.flips ? swapLast(tf, whole) : whole, gradient.shape);
    });
  }
}
