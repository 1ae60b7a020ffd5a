/** Operands of forward products as their backward products need them: what was read, what is kept, how it is held. */
import type { Tensor } from '@tensorflow/tfjs';
import type { DataId } from './internals.ts';
import type { OperandView } from './operand-views.ts';
import type { SlotOperand } from './product-slots.ts';
import type { Held, SavedTensors, TensorCodec } from './saved-tensors.ts';
import type { Grid } from './unit-operands.ts';

/** An image in the layout that the kernel reads, or with its last two axes swapped. The tensor is kept. */
export interface Image {
  readonly tensor: Tensor;
  readonly isFlipped: boolean;
  /** What its values are, where a matrix unit or integers may sum them; elements are in the layout of the image. */
  readonly grid: Grid | undefined;
}

/** One operand of a forward call, for its backward products. Its tensors are kept. */
export interface Side {
  readonly dataId: DataId;
  readonly slot: SlotOperand | null;
  readonly view: OperandView | undefined;
  /** What the forward product read. */
  readonly image: Image | undefined;
  /** The operand, where its gradient has to be pulled back. */
  readonly operand: Tensor | undefined;
  /** The operand after its norm. */
  readonly normed: Tensor | undefined;
  /** The codes of the image, where it is held so. */
  readonly heldImage?: Held | undefined;
  readonly hasOperand?: boolean;
  /** All that is held so of the operand. */
  readonly held?: readonly Held[];
  /** Whether a matrix unit or integers may sum its images. */
  readonly hasGrid: boolean;
}

/** Places of the tensors that products keep of their operands, after all that an operation keeps itself. */
const firstOfSides = 100;

/** The tensors of an operand. */
export function tensorsOf({ image, operand, normed }: Side): Tensor[] {
  return [image?.tensor, image?.grid?.elements, operand, normed].filter((tensor) => tensor !== undefined);
}

/** Frees an image's tensors. */
export function disposeImage({ tensor, grid }: Image): void {
  tensor.dispose();
  grid?.elements?.dispose();
}

/** Holds what backward products read of an operand as a codec says; gives the tensors that stay as they are. */
export function heldSide(
  saved: SavedTensors,
  side: Side,
  codec: TensorCodec | null,
  isImageRead: boolean,
): { readonly side: Side; readonly kept: Tensor[] } {
  const { operand, normed } = side;
  const image = isImageRead ? side.image : undefined;
  if (!isImageRead && side.image) disposeImage(side.image);
  const [heldImage, heldOperand, heldNormed] = [image?.tensor, operand, normed].map((tensor, i) => {
    const held = tensor && saved.hold(tensor, codec, firstOfSides + i);
    if (held) tensor?.dispose();
    return held ?? undefined;
  });
  const kept = [
    heldImage ? undefined : image?.tensor,
    heldOperand ? undefined : operand,
    heldNormed ? undefined : normed,
  ].filter((tensor) => tensor !== undefined);
  const read: Side = {
    ...side,
    heldImage,
    hasOperand: operand !== undefined,
    held: [heldImage, heldOperand, heldNormed].filter((held) => held !== undefined),
    get image() {
      return heldImage && image ? { ...image, tensor: saved.read(heldImage) } : image;
    },
    get operand() {
      return heldOperand ? saved.read(heldOperand) : operand;
    },
    get normed() {
      return heldNormed ? saved.read(heldNormed) : normed;
    },
  };
  return { side: read, kept };
}
