/** Recipes as files have them: every type that is wrong, every name and every pattern is refused with its path. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hashData,
  type LabelledData,
  type LanguageModelConfig,
  labelledData,
  type ModelConfig,
  modelConfig,
  models,
  recipeFrom,
  recipes,
  type TextData,
  textData,
} from '../../src/train/index.ts';
import { namePattern, tryPattern } from '../../src/train/name-pattern.ts';
import { taskOf } from '../../src/train/tasks.ts';

const refusal = (argument: string, message = /./) =>
  expect.objectContaining({ name: 'ArgumentError', argument, message: expect.stringMatching(message) });

const plain = recipes.bitnetTransition({ at: 0.5 });

/** The recipe as JSON with one field replaced. */
function withField(path: readonly (string | number)[], value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(plain));
  const [last, ...above] = [...path].reverse();
  const owner = above.reverse().reduce((object, key) => object[key], copy);
  owner[last!] = value;
  return copy;
}

describe('a whole recipe', () => {
  it.each<[readonly (string | number)[], unknown, string]>([
    [['layers'], 5, 'recipe.layers'],
    [['phases', 0, 'layers'], 5, 'recipe.phases[0].layers'],
    [['phases', 0, 'layers'], [null], 'recipe.phases[0].layers[0]'],
    [['phases', 0], null, 'recipe.phases[0]'],
    [['phases', 1, 'from'], '0.5', 'recipe.phases[1].from'],
    [['phases', 1, 'rewarm'], [], 'recipe.phases[1].rewarm'],
    [['phases', 1, 'optimizerState'], ['keep'], 'recipe.phases[1].optimizerState'],
    [['phases', 1, 'phaseIn'], 'tanh', 'recipe.phases[1].phaseIn'],
    [['phases', 1, 'linear', 'forward', 'w'], [], 'recipe.phases[1].linear.forward.w'],
    [['phases', 1, 'linear', 'forward', 'w', 'scale'], [], 'recipe.phases[1].linear.forward.w.scale'],
    [
      ['phases', 1, 'linear', 'forward', 'w', 'scale', 'least'],
      '5',
      'recipe.phases[1].linear.forward.w.scale.least',
    ],
    [
      ['phases', 1, 'linear', 'forward', 'w', 'scale', 'from'],
      { toString: 1 },
      'recipe.phases[1].linear.forward.w.scale.from',
    ],
    [['phases', 0, 'emulate'], 'bfloat16', 'recipe.phases[0].emulate'],
    [['phases', 0, 'emulate', 'format'], { toString: 1 }, 'recipe.phases[0].emulate.format'],
    [['inference'], [null], 'recipe.inference[0]'],
    [['inference'], {}, 'recipe.inference'],
    [['store'], [], 'recipe.store'],
    [['store'], { kind: 'toString' }, 'recipe.store.kind'],
    [['optimizer', 'weightDecay'], '0.1', 'recipe.optimizer.weightDecay'],
    [['optimizer', 'clipNorm'], 1e300, 'recipe.optimizer.clipNorm'],
    [['optimizer', 'kind'], ['adamw'], 'recipe.optimizer.kind'],
    [['schedule', 'warmup'], '0.05', 'recipe.schedule.warmup'],
    [['title'], 'two\nlines', 'recipe.title'],
    [['title'], '\u009b31m', 'recipe.title'],
    [['name'], '../x', 'recipe.name'],
    [['name'], '..', 'recipe.name'],
    [['name'], 'a/b', 'recipe.name'],
    [['name'], 'a\\b', 'recipe.name'],
    [['name'], 'a\0b', 'recipe.name'],
    [['name'], 'a.', 'recipe.name'],
    [['name'], 'CON', 'recipe.name'],
    [['name'], 'lpt1.txt', 'recipe.name'],
    [['name'], '-x', 'recipe.name'],
    [['name'], 'x'.repeat(101), 'recipe.name'],
    [['name'], { toString: 1 }, 'recipe.name'],
  ])('%j = %j is refused', (path, value, argument) => {
    expect(() => recipeFrom(withField(path, value))).toThrow(refusal(argument));
  });
});

describe('the options of a named recipe', () => {
  it.each<[object, string, RegExp?]>([
    [{ recipe: 'dqtt', bits: 8 }, 'recipe.recipe', /did you mean dqt\?/],
    [{ recipe: 'toString' }, 'recipe.recipe'],
    [{ recipe: { toString: 1 } }, 'recipe.recipe'],
    [{ recipe: 'dqt' }, 'recipe.bits', /1\.58, or an integer from 2 to 16/],
    [{ recipe: 'dqt', bits: '8' }, 'recipe.bits'],
    [{ recipe: 'dqt', bits: 8, ternaryInference: 'no' }, 'recipe.ternaryInference', /true, false/],
    [{ recipe: 'dqt', bits: 8, range: { deviations: '4' } }, 'recipe.range.deviations'],
    [{ recipe: 'dqt', bits: 8, of: { match: '(' } }, 'recipe.of.match'],
    [{ recipe: 'bitnetTransition', at: '0.5' }, 'recipe.at'],
    [{ recipe: 'bitnetTransition', at: 0.5, rewarm: [] }, 'recipe.rewarm'],
    [{ recipe: 'bitnetTransition', at: 0.5, first: 'float99' }, 'recipe.first'],
    [{ recipe: 'bitnetTransition', at: 0.5, first: {} }, 'recipe.first'],
    [{ recipe: 'bitnet', actvations: false }, 'recipe.actvations', /did you mean activations\?/],
    [{ recipe: 'bitnet', optimizer: 5 }, 'recipe.optimizer'],
    [{ recipe: 'bitnet', optimizer: { beta1: '0.9' } }, 'recipe.optimizer.beta1'],
    [{ recipe: 'bitnet', optimizer: { kind: 'adafactor', beta1: 0.9 } }, 'recipe.optimizer.beta1'],
    [{ recipe: 'bitnet', schedule: 'three-stage' }, 'recipe.schedule'],
    [{ recipe: 'groupInt8Weights', size: 0 }, 'recipe.size'],
    [{ recipe: 'adam8bit', block: 1e9 }, 'recipe.block'],
    [{ recipe: 'bitnet', name: 'a/../../b' }, 'recipe.name'],
  ])('%j is refused', (given, argument, message) => {
    expect(() => recipeFrom(given)).toThrow(refusal(argument, message));
  });

  it('are checked for programs too', () => {
    expect(() => recipes.dqt({ bits: 8, ternaryInference: 'no' as never })).toThrow(
      refusal('ternaryInference'),
    );
    expect(() => recipes.bitnet({ actvations: false } as never)).toThrow(refusal('actvations'));
    expect(() => recipes.dqt(undefined as never)).toThrow(refusal('options'));
  });
});

describe('patterns of names', () => {
  it('take time in proportion to the name, whatever they are', () => {
    const name = `${'a'.repeat(5000)}!`;
    for (const match of [
      '^(a+)+$',
      '^(a|a)*$',
      '^(a|aa)+$',
      '(.*)*x',
      '(a*)*b',
      '^([a-z]+)*$',
      '(?:a?){60}a{60}$',
    ]) {
      const begin = performance.now();
      expect(namePattern(match, 'match').test(name)).toBe(false);
      expect(performance.now() - begin).toBeLessThan(2000);
    }
  });

  it('are refused where they are none, or where no such promise can be kept', () => {
    for (const match of [
      '',
      '(',
      '[a',
      'a{2000}',
      '(a{500}){500}',
      '(?=a)',
      '(?<!a)b',
      '(a)\\1',
      'x'.repeat(201),
      5,
      null,
      {},
    ])
      expect(tryPattern(match)).toBeUndefined();
    expect(() => namePattern('(?!a)', 'layers[0].match')).toThrow(refusal('layers[0].match', /look-around/));
  });

  it('mean what JavaScript means by them', () => {
    const names = [
      'layers.0.mlp.down',
      'layers.10.attention.query',
      'hidden.0',
      'output',
      'output.bias',
      'embedding',
      '',
    ];
    const atom = fc.constantFrom(
      ...[
        'layers',
        'mlp',
        'out',
        'put',
        'down',
        'd',
        '.',
        '\\.',
        '\\d',
        '\\w',
        '[a-m]',
        '[^.]',
        '\\S',
        '0',
        '\\u002e',
      ],
    );
    const repeated = fc
      .tuple(atom, fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '*?'))
      .map(([text, mark]) => (mark === '' ? text : `(?:${text})${mark}`));
    const sequence = fc.array(repeated, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
    const alternatives = fc
      .array(sequence, { minLength: 1, maxLength: 3 })
      .map((parts) => `(${parts.join('|')})`);
    const pattern = fc
      .tuple(
        fc.constantFrom('', '^', '\\b'),
        fc.oneof(sequence, alternatives),
        fc.constantFrom('', '$', '\\b'),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, fc.constantFrom(...names), (match, name) => {
        expect(namePattern(match, 'match').test(name)).toBe(new RegExp(match).test(name));
      }),
      { seed: 26, numRuns: 2000 },
    );
  });
});

it('leaves the hashes of recipes as they were written', () => {
  const transition = recipes.bitnetTransition({
    ...{ at: 0.2, rewarm: 0.02 },
    phaseIn: { kind: 'tanh', over: 0.1 },
  });
  expect([recipes.float32(), recipes.dqt({ bits: 8 }), transition].map(hashData)).toEqual([
    'ccdd9dbf35cf31b1',
    '2d956825f41f10a8',
    'ca8d9738612e675e',
  ]);
});

describe('sizes that nothing can hold', () => {
  const data = labelledData(
    Array.from({ length: 120 }, (_, i) => i),
    Array.from({ length: 60 }, (_, i) => i % 3),
  );
  const mlp = { kind: 'mlp', name: 'own', hidden: [8], samples: 8, learningRate: 1e-3 } as const;
  const decoder = models['llama-tiny'] as LanguageModelConfig;
  const text = textData('the quick brown fox jumps over the lazy dog. '.repeat(2000));

  it.each<[object, LabelledData | TextData, string, RegExp]>([
    [{ ...mlp, hidden: [65536, 65536] }, data, 'model', /parameters.*at most 67108864/],
    [{ ...mlp, hidden: Array(1001).fill(1) }, data, 'model.hidden', /0 to 1000/],
    [{ ...mlp, samples: 65536, hidden: [16384] }, data, 'batch', /activations/],
    [{ ...decoder, width: 65536, heads: 4 }, text, 'model', /parameters/],
    [{ ...decoder, layers: 65536 }, text, 'model', /parameters/],
    [{ ...decoder, sequences: 65536 }, text, 'batch', /activations/],
    [{ ...mlp, hidden: 5 }, data, 'model.hidden', /a list/],
    [{ ...mlp, learningRate: '1e-3' }, data, 'model.learningRate', /a finite number/],
    [{ ...mlp, momentum: 1 }, data, 'model.momentum', /no such field/],
    [mlp, {} as never, 'data', /a text|an object/],
    [mlp, null as never, 'data', /a text/],
    [mlp, { ...data, training: null } as never, 'data.training', /inputs, labels/],
    [decoder, { ...text, training: [1, 2] } as never, 'data.training', /Int32Array/],
    [decoder, { ...text, training: Int32Array.of(1, 99) }, 'data.training[1]', /a token from 0 to 27/],
  ])('%j are refused', (model, given, argument, message) => {
    expect(() => taskOf(modelConfig(model as ModelConfig), given)).toThrow(
      expect.objectContaining({
        name: 'ArgumentError',
        argument: expect.stringContaining(argument),
        message: expect.stringMatching(message),
      }),
    );
  });
});
