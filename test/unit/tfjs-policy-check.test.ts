/** Policies that are wrong: every field of every rule is refused with its whole path, and the nearest right spelling. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/errors.ts';
import { codebook, formats, matrixUnit } from '../../src/index.ts';
import { layerUse } from '../../src/tfjs/layer-use.ts';
import { operandNames } from '../../src/tfjs/operand-names.ts';
import type { Policy } from '../../src/tfjs/policy.ts';
import { resolvePolicy } from '../../src/tfjs/resolve-policy.ts';

const refusal = (policy: unknown): ArgumentError => {
  try {
    resolvePolicy(policy as Policy);
  } catch (error) {
    if (error instanceof ArgumentError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(policy)}`);
};

/** Where a rule may stand: its path, the policy that has it there, and the kernel if it is about one. */
const places: readonly [path: string, policy: (rule: unknown) => unknown, kernel?: string][] = [
  ['', (rule) => rule],
  ['roles.forward', (rule) => ({ format: 'bfloat16', roles: { forward: rule } })],
  ['roles.optimizer', (rule) => ({ roles: { optimizer: rule } })],
  ['kernels.BatchMatMul', (rule) => ({ format: 'bfloat16', kernels: { BatchMatMul: rule } }), 'BatchMatMul'],
  ['kernels.matmul', (rule) => ({ format: 'bfloat16', kernels: { matmul: rule } }), 'matmul'],
  ["layers['block1/*']", (rule) => ({ format: 'bfloat16', layers: { 'block1/*': rule } })],
  ['layers.dense_1', (rule) => ({ format: 'bfloat16', layers: { dense_1: rule } })],
  ["layers['']", (rule) => ({ format: 'bfloat16', layers: { '': rule } })],
  [
    'layers.head.roles.backward',
    (rule) => ({ format: 'bfloat16', layers: { head: { roles: { backward: rule } } } }),
  ],
  [
    "layers['it\\'s'].kernels.matmul",
    (rule) => ({ format: 'bfloat16', layers: { "it's": { kernels: { matmul: rule } } } }),
    'matmul',
  ],
];

const at = (path: string, field: string): string => (path === '' ? field : `${path}.${field}`);

/** Wrong values of each field: the path below the rule, the value, and what the message must name. */
const wrong: readonly [field: string, rule: object, words: RegExp][] = [
  ['format', { format: 'bflaot16' }, /accepted: bfloat16/],
  ['format', { format: 'fp8' }, /e4m3fn .* or e5m2/],
  ['format', { format: 16 }, /a name that/],
  ['format', { format: null }, /a name that/],
  ['format', { format: true }, /a name that/],
  ['format', { format: [] }, /a name that/],
  ['format', { format: {} }, /a name that/],
  ['format', { format: 'mxfp4' }, /a format of numbers; blocks are for operands: inputs/],
  ['format', { format: 'fourthRoots' }, /a format of numbers/],
  ['format: bits', { format: 'int99' }, /an integer from/],
  ['fromat', { fromat: 'bfloat16' }, /no such option; .*did you mean format/],
  ['rouding', { format: 'e5m2', rouding: 'stochastic' }, /did you mean rounding/],
  ['rounding', { format: 'e5m2', rounding: 'stochastik' }, /did you mean stochastic/],
  ['rounding', { format: 'e5m2', rounding: 1 }, /nearest-even, /],
  ['rounding', { format: 'e5m2', rounding: null }, /nearest-even, /],
  ['saturation', { format: 'e5m2', saturation: 'finit' }, /did you mean finite/],
  ['saturation', { format: 'e5m2', saturation: true }, /none, finite/],
  ['subnormals', { format: 'e5m2', subnormals: 'flsh' }, /did you mean flush/],
  ['subnormals', { format: 'e5m2', subnormals: false }, /keep, flush/],
  ['randomBits', { format: 'e5m2', randomBits: 33 }, /from 1 to 32/],
  ['randomBits', { format: 'e5m2', randomBits: '8' }, /from 1 to 32/],
  ['variant', { format: 'e5m2', variant: 'D' }, /A, B, C/],
  ['fused', { format: 'e5m2', fused: 'twice' }, /once, decomposed/],
  ['fused', { format: 'e5m2', fused: true }, /once, decomposed/],
  ['inputs', { inputs: 'e4m3f' }, /accepted: e4m3fn/],
  ['inputs', { inputs: 'mxfp7' }, /accepted: mxfp4/],
  ['inputs', { inputs: 'mxfp6' }, /mxfp6e3m2 .* or mxfp6e2m3/],
  ['inputs', { inputs: 8 }, /a quantiser/],
  ['inputs', { inputs: true }, /a quantiser/],
  ['inputs', { inputs: ['e4m3fn'] }, /a quantiser/],
  ['inputs.format', { inputs: { format: 'e4m3f' } }, /e4m3fn/],
  ['inputs.format', { inputs: { rounding: 'stochastic' } }, /as rounding is given/],
  ['inputs.rounding', { inputs: { format: 'e4m3fn', rounding: 'up' } }, /nearest-even/],
  ['inputs.roundin', { inputs: { format: 'e4m3fn', roundin: 'up' } }, /did you mean rounding/],
  ['inputs.a', { inputs: { a: 'e4m3f' } }, /e4m3fn/],
  ['inputs.a', { inputs: { a: 3 } }, /a quantiser/],
  [
    'inputs.a.format',
    { inputs: { a: { format: 'int4x', scale: { per: 'tensor', from: 'absmax' } } } },
    /int4/,
  ],
  ['inputs.a.format', { inputs: { a: { rounding: 'stochastic' } } }, /a format or its name/],
  [
    'inputs.b.scale.per',
    { inputs: { b: { format: 'int4', scale: { per: 'tnsor', from: 'absmax' } } } },
    /tensor/,
  ],
  [
    'inputs.b.scale.size',
    { inputs: { b: { format: 'int4', scale: { per: 'block', size: 0, from: 'absmax' } } } },
    /from 1/,
  ],
  [
    'inputs.b.scale.sise',
    { inputs: { b: { format: 'int4', scale: { per: 'block', size: 4, sise: 4, from: 'absmax' } } } },
    /size/,
  ],
  [
    'inputs.b.gradien',
    { inputs: { b: { format: 'int4', gradien: 1, scale: { per: 'tensor', from: 'absmax' } } } },
    /gradient/,
  ],
  ['inputs.c', { inputs: { c: 'e4m3fn' } }, /no such operand; .*a, b/],
  ['inputs.weights', { inputs: { weights: 'e4m3fn' } }, /no such operand/],
  ['accumulator', { accumulator: 'hoper-fp8' }, /accepted: hopper-fp8/],
  ['accumulator', { accumulator: 'exakt' }, /accepted: exact/],
  ['accumulator.kind', { accumulator: { kind: 'alignd', operands: 'e4m3fn', group: 4 } }, /aligned/],
  [
    'accumulator.accumulate.group',
    { accumulator: { accumulate: { kind: 'pairwise', operands: 'e4m3fn', group: 3 } } },
    /a power of two/,
  ],
  [
    'accumulator',
    { accumulator: 'bflaot16' },
    /accepted: bfloat16.*.*, exact, a matrix unit such as hopper-fp8/,
  ],
  ['accumulator', { accumulator: 'mxfp4' }, /a format of numbers/],
  ['accumulator', { accumulator: 32 }, /a matrix unit/],
  ['accumulator', { accumulator: null }, /a matrix unit/],
  ['accumulator', { accumulator: [] }, /an object with products, accumulate/],
  ['accumulator.acumulate', { accumulator: { acumulate: 'binary16' } }, /did you mean accumulate/],
  ['accumulator.accumulate', { accumulator: { accumulate: 'binary17' } }, /binary16/],
  ['accumulator.order', { accumulator: { accumulate: 'binary16', order: 'pairwis' } }, /pairwise/],
  [
    'accumulator.order.chunk',
    { accumulator: { accumulate: 'binary16', order: { chunk: 0 } } },
    /an integer from 1/,
  ],
  [
    'accumulator.products',
    { accumulator: { accumulate: 'binary16', products: 'exactly' } },
    /exact, rounded/,
  ],
  [
    'accumulator.order',
    { accumulator: { accumulate: 'hopper-fp8', order: 'pairwise' } },
    /nothing with the matrix unit/,
  ],
];

describe.each(places)('a rule at %s', (path, policy) => {
  it.each(wrong)('is refused at %s: %j', (field, rule, words) => {
    const error = refusal(policy(rule));
    expect(error.argument).toBe(at(path, field));
    expect(error.message).toMatch(words);
    expect(error.message).not.toMatch(/\n/);
    expect(error.message.length).toBeLessThan(330);
  });

  it.each([7, true, [], () => 0, Symbol('x'), 3n])('is refused as a whole: case %#', (rule) => {
    expect(refusal(policy(rule)).argument).toBe(path === '' ? 'policy' : path);
  });

  if (path !== '')
    it.each([
      ['bf17', /bfloat16/],
      ['fp8', /e4m3fn .* or e5m2/],
      ['mxfp4', /inputs/],
      ['hopper-fp8', /a name that/],
      ['', /a name that/],
    ])('is refused as the name %j', (name, words) => {
      const error = refusal(policy(name));
      expect(error.argument).toBe(path);
      expect(error.accepted).toMatch(words);
    });
});

describe('a policy', () => {
  it.each<[string, unknown, RegExp]>([
    ['policy', undefined, /\{ format: 'bfloat16' \}/],
    ['policy', null, /\{ format/],
    ['policy', 'bfloat16', /\{ format/],
    ['policy', [], /\{ format/],
    ['policy', () => ({}), /\{ format/],
    ['formt', { formt: 'bfloat16' }, /did you mean format/],
    ['role', { role: {} }, /did you mean roles/],
    ['seed', { seed: -1 }, /an integer from 0/],
    ['seed', { seed: 1.5 }, /an integer/],
    ['seed', { seed: '1' }, /an integer/],
    ['seed', { seed: 2 ** 53 }, /an integer/],
    ['log', { log: 'yes' }, /true, false/],
    ['log', { log: 1 }, /true, false/],
    ['log', { log: null }, /true, false/],
    ['roles', { roles: 'forward' }, /an object with forward/],
    ['roles', { roles: ['forward'] }, /an object with forward/],
    ['roles', { roles: null }, /an object with forward/],
    ['roles.froward', { roles: { froward: 'bfloat16' } }, /did you mean forward/],
    ['roles.training', { roles: { training: null } }, /forward, backward/],
    ['kernels', { kernels: 'our' }, /own, stock/],
    ['kernels', { kernels: true }, /own, stock/],
    ['kernels', { kernels: null }, /own, stock/],
    ['kernels', { kernels: [] }, /own, stock/],
    ['kernels.implementation', { kernels: { implementation: 'stok' } }, /did you mean stock/],
    ['kernels.implementation', { kernels: { implementation: null } }, /own, stock/],
    ['layers', { layers: 'dense' }, /an object/],
    ['layers', { layers: [] }, /an object/],
    ['layers', { layers: null }, /an object/],
    ['layers.a.roles', { layers: { a: { roles: 'x' } } }, /an object with forward/],
    ['layers.a.roles.forwrd', { layers: { a: { roles: { forwrd: null } } } }, /did you mean forward/],
    ['layers.a.kernels', { layers: { a: { kernels: 'own' } } }, /an object of rules by kernel/],
    ['layers.a.seed', { layers: { a: { seed: 1 } } }, /no such option/],
    ['layers.a.layers', { layers: { a: { layers: {} } } }, /no such option/],
    ['roles.forward.kernels', { roles: { forward: { kernels: {} } } }, /no such option/],
    ['roles.forward.log', { roles: { forward: { log: true } } }, /no such option/],
    ['kernels.Add.roles', { kernels: { Add: { roles: {} } } }, /no such option/],
    [
      'kernels.Add.accumulator',
      { kernels: { Add: { accumulator: 'exact' } } },
      /for matmul and convolution only/,
    ],
    [
      'layers.a.kernels.Add.accumulator',
      { layers: { a: { kernels: { Add: { accumulator: 'exact' } } } } },
      /only/,
    ],
    ['kernels.Add.fused', { kernels: { Add: { fused: 'decomposed' } } }, /_FusedMatMul/],
    ['kernels.Add.inputs.x', { kernels: { Add: { inputs: { x: 'e4m3fn' } } } }, /no such operand; a, b$/],
    ['kernels.Conv2D.inputs.dy', { kernels: { Conv2D: { inputs: { dy: 'e4m3fn' } } } }, /; x, filter$/],
    ['kernels.Concat.inputs.a', { kernels: { Concat: { inputs: { a: 'e4m3fn' } } } }, /; 0, 1$/],
    ['kernels.Fill.inputs.x', { kernels: { Fill: { inputs: { x: 'e4m3fn' } } } }, /no operands/],
  ])('is refused at %s: case %#', (path, policy, words) => {
    const error = refusal(policy);
    expect(error.argument).toBe(path);
    expect(error.accepted).toMatch(words);
  });

  it('of every kind that is right is accepted', () => {
    const block = { format: 'e2m1', scale: { per: 'block', size: 16, from: 'absmax' } } as const;
    const policies: Policy[] = [
      {},
      { format: 'BF16', kernels: 'stock', log: true, seed: 3 },
      { format: formats.e4m3fn, rounding: 'stochastic', randomBits: 8, variant: 'B', saturation: 'finite' },
      { roles: { forward: 'fp16', backward: { format: 'fp8_e5m2', subnormals: 'flush' }, predict: null } },
      { format: 'half', accumulator: 'fp32', inputs: 'MXFP8', fused: 'decomposed' },
      { format: 'bfloat16', accumulator: matrixUnit('hopper-bf16') },
      { format: 'bfloat16', accumulator: formats.binary16, inputs: formats.e4m3fn },
      { format: 'bfloat16', inputs: formats.mxfp4 },
      { format: 'bfloat16', inputs: { a: formats.nvfp4 } },
      { format: 'bfloat16', accumulator: { accumulate: matrixUnit('hopper-bf16') } },
      {
        format: 'bfloat16',
        inputs: { a: block, b: null, x: 'nvfp4', filter: { format: 'e4m3fn' }, dy: 'int4/row' },
      },
      { kernels: { Einsum: { inputs: { 0: 'binary16', 17: block } }, Softmax: null, implementation: 'own' } },
      { kernels: { FusedBatchNorm: { inputs: { scale: 'e4m3fn/tensor', x: null } } } },
      { kernels: { SomebodysOwn: { format: 'bfloat16', inputs: { anything: 'posit16' } } } },
      {
        layers: {
          'a/*': { format: 'e5m2', roles: { forward: null }, kernels: { matmul: 'e4m3fn' } },
          b: null,
        },
      },
    ];
    for (const policy of policies) expect(() => resolvePolicy(policy)).not.toThrow();
  });
});

describe('what rules make of each other', () => {
  it.each<[string, unknown, RegExp]>([
    ['rounding', { rounding: 'toward-zero', format: 'posit8' }, /nearest-even, stochastic for posit8/],
    ['rounding', { rounding: 'toward-zero', roles: { backward: 'posit8' } }, /for posit8/],
    [
      'roles.backward.rounding',
      { roles: { backward: { format: 'posit8', rounding: 'to-odd' } } },
      /for posit8/,
    ],
    ['kernels.Add.saturation', { format: 'e5m2', kernels: { Add: { saturation: 'wrap' } } }, /for e5m2/],
    [
      'kernels.matmul.saturation',
      { format: 'e5m2', kernels: { matmul: { saturation: 'wrap' } } },
      /for e5m2/,
    ],
    [
      "layers['a/*'].roles.loss.saturation",
      { format: 'e5m2', layers: { 'a/*': { roles: { loss: { saturation: 'wrap' } } } } },
      /for e5m2/,
    ],
    ['roles.loss.saturation', { roles: { forward: 'e5m2', loss: { saturation: 'wrap' } } }, /for e5m2/],
    ['format', { format: 'binary64', saturation: 'finite' }, /binary32 numbers/],
    ['roles.backward', { roles: { backward: 'float(11,20)' } }, /binary32 numbers/],
    ['layers.a.format', { layers: { a: { format: 'float(11,20)' } } }, /binary32 numbers/],
    ['inputs', { format: 'e5m2', inputs: 'float(11,20)' }, /binary32 numbers/],
    ['inputs.a', { format: 'e5m2', inputs: { a: 'float(11,20)' } }, /binary32 numbers/],
    [
      'roles.forward.inputs',
      { roles: { forward: { inputs: 'posit8', rounding: 'to-odd' } } },
      /goes with the role's rounding/,
    ],
    [
      'roles.forward.inputs.b.rounding',
      { roles: { forward: { inputs: { b: { format: 'posit8', rounding: 'to-odd' } } } } },
      /posit8/,
    ],
    [
      'accumulator.rounding',
      { format: 'e5m2', accumulator: { accumulate: 'posit16', rounding: 'to-odd' } },
      /posit16/,
    ],
  ])('is refused at %s: case %#', (path, policy, words) => {
    const error = refusal(policy);
    expect(error.argument).toBe(path);
    expect(error.accepted).toMatch(words);
  });

  it.each<[string, unknown]>([
    ['rounding', { rounding: 'stochastic' }],
    ['saturation', { saturation: 'finite', accumulator: 'exact' }],
    ['subnormals', { subnormals: 'flush', inputs: 'mxfp4' }],
    [
      'randomBits',
      { randomBits: 8, inputs: { a: { format: 'int8', scale: { per: 'tensor', from: 'absmax' } } } },
    ],
    ['variant', { variant: 'B', roles: { forward: null } }],
    ['roles.forward.rounding', { roles: { forward: { rounding: 'stochastic' } } }],
    ['roles.forward.rounding', { roles: { forward: { rounding: 'stochastic' }, backward: 'e5m2' } }],
    ['roles.loss.rounding', { roles: { loss: { rounding: 'stochastic' }, optimizer: 'e5m2' } }],
    ['kernels.Add.rounding', { kernels: { Add: { rounding: 'stochastic' }, Sub: 'e5m2' } }],
    ['layers.a.rounding', { layers: { a: { rounding: 'stochastic' } } }],
    [
      "layers['a b'].kernels.Add.rounding",
      { layers: { 'a b': { kernels: { Add: { rounding: 'stochastic' } } } } },
    ],
  ])('a manner of rounding without a format is refused: %s, case %#', (path, policy) => {
    const error = refusal(policy);
    expect(error.argument).toBe(path);
    expect(error.accepted).toMatch(/nothing without a format/);
  });

  it('a manner of rounding takes its format from any rule that it meets', () => {
    const policies: Policy[] = [
      { rounding: 'stochastic', roles: { backward: 'e5m2' } },
      { rounding: 'stochastic', kernels: { Add: 'e5m2' } },
      { rounding: 'stochastic', layers: { a: { roles: { forward: 'e5m2' } } } },
      { rounding: 'stochastic', inputs: 'binary16' },
      { rounding: 'stochastic', inputs: { a: formats.e5m2, b: 'mxfp4' } },
      { format: 'e5m2', roles: { forward: { rounding: 'stochastic' }, loss: { saturation: 'finite' } } },
      { roles: { forward: 'e5m2', loss: { rounding: 'stochastic' } } },
      { roles: { backward: 'e5m2' }, kernels: { Add: { rounding: 'stochastic' } } },
      { layers: { 'a/*': 'e5m2', '*/b': { rounding: 'stochastic' } } },
      { roles: { other: { format: 'e5m2', rounding: 'stochastic' } } },
    ];
    for (const policy of policies) expect(() => resolvePolicy(policy), JSON.stringify(policy)).not.toThrow();
  });

  it('fields that are undefined are absent', () => {
    const policy = {
      format: 'bfloat16',
      rounding: undefined,
      roles: { backward: { format: undefined, rounding: 'stochastic' }, predict: undefined },
      kernels: { implementation: undefined, Add: undefined },
      layers: { a: undefined, b: { format: undefined, roles: undefined, kernels: undefined } },
      inputs: { a: undefined },
      log: undefined,
      seed: undefined,
    } as unknown as Policy;
    const { effect, roles } = resolvePolicy(policy);
    expect(roles.backward?.grid.format.name).toBe('bfloat16');
    expect(roles.backward?.stochastic).toBe(true);
    expect(roles.predict?.grid.format.name).toBe('bfloat16');
    expect(effect('forward', 'Add', ['a'])?.rounding?.grid.format.name).toBe('bfloat16');
    expect(effect('forward', 'Add', ['b'])?.rounding?.grid.format.name).toBe('bfloat16');
  });

  it('formats of one name are told apart', () => {
    const [one, two] = [
      codebook({ name: 'mine', values: [0, 1] }),
      codebook({ name: 'mine', values: [0, 2] }),
    ];
    const { roles } = resolvePolicy({ roles: { forward: one, backward: two } });
    expect(roles.forward?.grid.format).toBe(one);
    expect(roles.backward?.grid.format).toBe(two);
  });
});

describe('names of layers', () => {
  const names = ['dense_1', 'dense_2', 'attention'];
  const reportOf = (patterns: string[], paths: string[][]): string | undefined => {
    const use = layerUse(patterns);
    for (const path of paths) use.note(path);
    return use.report();
  };
  const paths = [[], ...names.map((name) => ['model', name])];

  it.each([[['dense_*']], [['model/dense_1']], [['model']], [['']], [['*']], [[]]])(
    'that there are: %j',
    (patterns) => {
      expect(reportOf(patterns, paths)).toBeUndefined();
    },
  );

  it('that there are not are said once, with the nearest', () => {
    expect(reportOf(['dense_3', 'atention', 'x y'], paths)).toBe(
      "emulate: nothing that ran is meant by layers.dense_3 (nearest: dense_1, dense_2); layers.atention (nearest: attention); layers['x y'] (there were model, dense_1, dense_2, attention)",
    );
    expect(reportOf(['head'], [[]])).toMatch(/no kernel ran in a layer or a named scope/);
    const use = layerUse(['head']);
    expect(use.report()).toBeUndefined();
    use.note(['model']);
    expect(use.isOver).toBe(false);
    expect(use.report()).toMatch(/layers\.head/);
    expect(use.isOver).toBe(true);
    expect(use.report()).toBeUndefined();
  });
});

describe('operands of kernels', () => {
  const declared = readFileSync('node_modules/@tensorflow/tfjs-core/dist/kernel_names.d.ts', 'utf8');
  const kernels = [...declared.matchAll(/export declare const (\w+) = "(\w+)"/g)].map(([, , name]) => name!);

  it.each(kernels)('%s has those of the typings', (kernel) => {
    const [text = ''] =
      new RegExp(`export (?:type|interface) ${kernel}Inputs\\b[^]*?(?=\\nexport )`).exec(declared) ?? [];
    const isList = /= TensorInfo\[\];/.test(text);
    const names = text.includes('UnaryInputs')
      ? ['x']
      : text.includes('BinaryInputs')
        ? ['a', 'b']
        : [...text.matchAll(/'(\w+)'|^\s+(\w+)\??:/gm)].map(([, quoted, field]) => quoted ?? field!);
    const known = operandNames(kernel);
    if (isList) expect(known).toBe('numbered');
    else expect([...(known as string[])].sort()).toEqual(names.sort());
  });

  it('of nobody', () => {
    expect(operandNames('SomebodysOwn')).toBeUndefined();
  });
});
