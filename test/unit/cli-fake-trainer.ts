/**
 * A trainer that trains nothing: losses follow a formula, so that the command line can be tested in milliseconds. The
 * curves look like those of the real one (fast fall, slow tail, a penalty for ternary weights, a spike that decays).
 */

import type { OpenTrainer, Trainer, TrainRequest } from '../../src/cli/compare/trainer.ts';
import type { TrainResult } from '../../src/train/index.ts';

/** Deterministic noise in [-1, 1). */
function noise(seed: number, step: number): number {
  let word = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(step + 1, 0x85ebca6b)) >>> 0;
  word = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d) >>> 0;
  word = Math.imul(word ^ (word >>> 12), 0x297a2d39) >>> 0;
  return ((word ^ (word >>> 15)) >>> 0) / 2 ** 31 - 1;
}

/** What a test may change. */
export interface FakeTrainerOptions {
  /** Called before every step; may abort or throw. */
  readonly beforeStep?: (request: TrainRequest, step: number) => void | Promise<void>;
}

/** Opens a fake trainer. */
export const fakeTrainer =
  ({ beforeStep }: FakeTrainerOptions = {}): OpenTrainer =>
  async ({ steps, evaluateEvery, model }): Promise<Trainer> => ({
    description: { model: { name: model }, parameters: 250_000 },
    async train(request): Promise<TrainResult> {
      const { recipe, seed, signal } = request;
      const ternary = recipe.phases.findIndex(({ linear }) => linear.forward.w?.format === 'ternary');
      const from = ternary < 0 ? Number.POSITIVE_INFINITY : Math.round(recipe.phases[ternary]!.from * steps);
      const level = (step: number): number => {
        const base = 1.75 + 2.6 / (1 + step / (steps / 30)) ** 1.1 + 0.01 * noise(seed, 0);
        if (step < from) return base + (recipe.name === 'bfloat16' ? 0.004 : 0);
        const spike = from === 0 ? 0 : 0.45 / (1 + (step - from) / (steps / 50)) ** 1.5;
        return base + 0.1 + spike + 0.004 * noise(seed + 7, from);
      };
      let done = 0;
      let loss = Number.NaN;
      for (let step = 0; step < steps && !signal.aborted; step++) {
        await beforeStep?.(request, step);
        for (const [phase, { from: fraction }] of recipe.phases.entries()) {
          if (Math.round(fraction * steps) === step) request.onPhase({ step, phase });
        }
        loss = level(step) + 0.06 * noise(seed, step + 1);
        done = step + 1;
        request.onStep({
          step: done,
          loss,
          learningRate: 2e-3,
          gradientNorm: 0.5,
          predictions: 1024,
          seconds: 0.1,
        });
        if (done % evaluateEvery === 0 && done < steps) {
          request.onEvaluation({ step: done, loss: level(step), predictions: 8192 });
        }
      }
      const validationLoss = level(done) + 0.008;
      const validationPredictions = done < steps ? 8192 : 95_000;
      request.onEvaluation({ step: done, loss: validationLoss, predictions: validationPredictions });
      return {
        recipe,
        seed,
        steps: done,
        interrupted: done < steps,
        divergence: null,
        trainLoss: loss,
        validationLoss,
        validationPredictions,
        perplexity: Math.exp(validationLoss),
        bitsPerWeight: Number.isFinite(from) ? Math.log2(3) : recipe.name === 'bfloat16' ? 16 : 32,
        spike:
          from > 0 && done > from
            ? {
                step: from,
                height: 0.45,
                excess10: 0.2,
                excess50: 0.1,
                recoverySteps: done > from + 40 ? 37 : null,
              }
            : null,
        seconds: done * 0.1,
        predictionsPerSecond: 10240,
        memory: {
          ...{ weights: 4, optimizerState: 8, gradients: 4, bytesPerParameter: 16 },
          savedActivations: 4,
          total: 20,
        },
        inference: [],
      };
    },
  });
