/**
 * A teacher: a trained model of the same sizes in float32, whose answers objectives compare a student's with. Its arithmetic is none of
 * the student's: no slot and no emulation is for it.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import { ArgumentError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { inRole, type TensorFlow } from '../tfjs/index.ts';
import { arraysUnder, type Checkpoint, checkCheckpoint } from './checkpoint.ts';
import type { RecipeEngine } from './engine/engine.ts';
import { hashArrays } from './hash.ts';
import { plainSlots } from './linear-slots.ts';
import type { Model } from './model.ts';
import type { ExtraNorm, Recipe } from './recipe.ts';
import { float32Of, type SavedArray, savedFloat32 } from './stores/index.ts';
import type { Task } from './task.ts';

/** The weights of a teacher by the names of parameters. */
export type TeacherWeights = ReadonlyMap<string, Float32Array>;

/** What a teacher says of a batch. */
export interface Teaching {
  readonly logits: Tensor2D;
  /** What each block gave. */
  readonly features: readonly Tensor2D[];
}

/** The norm that a teacher is trained with: the recipe's, from the first step. */
export const normOfTeacher = ({ extraNorm }: Recipe): ExtraNorm | null =>
  extraNorm === null ? null : { kind: extraNorm.kind, where: extraNorm.where };

/** Weights from arrays, each below the name of its parameter. Throws ArgumentError naming one that is missing or does not fit. */
export function teacherWeights(
  path: string,
  arrays: ReadonlyMap<string, SavedArray>,
  task: Task,
): TeacherWeights {
  return new Map(
    task.shapes.map(({ name, shape }) => {
      const saved = arrays.get(`${name}/values`);
      if (saved === undefined || saved.shape.join() !== shape.join())
        throw new ArgumentError(
          `${path}.${name}`,
          saved?.shape.join(' x '),
          `float32 weights of ${shape.join(' x ')}: a checkpoint of the same model that holds weights in float32`,
        );
      return [name, float32Of(`${path}.${name}`, saved, sizeOf(shape))];
    }),
  );
}

/** The weights that a checkpoint has. */
export function weightsOfCheckpoint(path: string, checkpoint: Checkpoint, task: Task): TeacherWeights {
  checkCheckpoint(checkpoint);
  return teacherWeights(path, arraysUnder('weights', checkpoint.arrays), task);
}

/** What of a checkpoint makes a teacher: its weights. */
export const teacherOnly = ({ state, arrays }: Checkpoint): Checkpoint => ({
  state,
  arrays: new Map([...arrays].filter(([name]) => name.startsWith('weights/'))),
});

export const hashOfTeacher = (weights: TeacherWeights): string =>
  hashArrays([...weights.keys()], [...weights.values()]);

export class Teacher {
  readonly weights: TeacherWeights;
  readonly #tf: TensorFlow;
  readonly #model: Model;
  readonly #extraNorm: ExtraNorm | null;

  constructor(tf: TensorFlow, task: Task, recipe: Recipe, weights: TeacherWeights) {
    this.#tf = tf;
    this.weights = weights;
    this.#extraNorm = normOfTeacher(recipe);
    this.#model = task.createModel(tf, 0, this.#extraNorm);
    for (const one of this.#model.parameters) this.#model.load(one, weights.get(one.name)!);
  }

  /** Its answers to a batch, in float32. Call inside `tf.tidy`. */
  answer(engine: RecipeEngine, inputs: Tensor2D): Teaching {
    const features: Tensor2D[] = [];
    const onBlock = (index: number, output: Tensor2D): Tensor2D => {
      features[index] = output;
      return output;
    };
    const logits = engine.within({ slots: () => plainSlots, isTraining: false }, () =>
      inRole(this.#tf, 'other', () => this.#model.forward(inputs, { extraNorm: this.#extraNorm, onBlock })),
    );
    return { logits, features };
  }

  /** Arrays of a checkpoint, by name. */
  save(): Map<string, SavedArray> {
    return new Map(
      this.#model.parameters.map(({ name, shape }) => [
        `${name}/values`,
        savedFloat32(this.weights.get(name)!, shape),
      ]),
    );
  }

  dispose(): void {
    this.#model.dispose();
  }
}
