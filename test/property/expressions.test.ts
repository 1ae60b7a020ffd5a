/**
 * Expressions against the calls that one would write by hand, one after the other: random trees, formats and modes, bit for bit, draws included.
 * Numbers against scalar calls; arrays, longer than a block too, against calls on whole arrays; shaped arrays against methods.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ArithmeticOptions,
  arithmetic,
  type CompileOptions,
  formats,
  type ShapedArray,
} from '../../src/index.ts';

interface Branch {
  readonly name: string;
  readonly operands: readonly Tree[];
}
type Tree = string | number | Branch;

const symbols: Readonly<Record<string, string>> = { add: '+', sub: '-', mul: '*', div: '/', pow: '^' };
function textOf(tree: Tree): string {
  if (typeof tree !== 'object') return String(tree);
  const { name, operands } = tree;
  const texts = operands.map(textOf);
  if (name === 'neg') return `(-${texts[0]})`;
  return name in symbols ? `(${texts.join(` ${symbols[name]} `)})` : `${name}(${texts.join(', ')})`;
}

const leaf = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(0.5, 2, 1, 3));
const tree = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc
    .oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.tuple(fc.constantFrom('add', 'sub', 'mul', 'div', 'min', 'max', 'hypot'), tie('tree'), tie('tree')),
      fc.tuple(fc.constantFrom('neg', 'abs', 'sqrt', 'tanh'), tie('tree')),
      fc.tuple(fc.constant('fma'), tie('tree'), tie('tree'), tie('tree')),
    )
    .map(
      (given): Tree =>
        Array.isArray(given)
          ? { name: given[0] as string, operands: given.slice(1) as Tree[] }
          : (given as Tree),
    ),
})).tree;
const operation = tree.filter((x): x is Branch => typeof x === 'object');

const modes: readonly ArithmeticOptions[] = [
  ...(
    [
      'nearest-even',
      'nearest-away',
      'nearest-to-zero',
      'toward-zero',
      'toward-positive',
      'toward-negative',
    ] as const
  ).map((rounding) => ({ rounding })),
  ...(['away-from-zero', 'to-odd'] as const).map((rounding) => ({ rounding, saturation: 'finite' as const })),
  { rounding: 'stochastic', seed: 4, randomBits: 7 },
  { rounding: 'stochastic-equal', seed: 4, subnormals: 'flush' },
  {
    rounding: 'stochastic',
    random: Uint32Array.from({ length: 300000 }, (_, i) => (i * 2654435761) % 2 ** 32),
  },
];
const settings = fc.tuple(
  fc.constantFrom('binary16', 'e4m3fn', 'bfloat16', 'binary64'),
  fc.constantFrom(...modes),
);
type F = ReturnType<typeof arithmetic>;
type Call = (...given: unknown[]) => unknown;

/** Calls one after the other, operands from left to right. */
function byHand(f: F, part: Tree, variables: Readonly<Record<string, unknown>>): unknown {
  if (typeof part === 'number') return part;
  if (typeof part === 'string') return variables[part];
  const { name, operands } = part;
  const given = operands.map((each) => byHand(f, each, variables));
  return (f[name as keyof F] as unknown as Call)(...given);
}

const numbers = fc.double({ min: -8, max: 8, noNaN: true });

describe('expressions are the calls that they stand for', () => {
  test('on numbers', () => {
    fc.assert(
      fc.property(settings, operation, fc.tuple(numbers, numbers, numbers), ([format, mode], part, given) => {
        const [f, g] = [arithmetic(format, mode), arithmetic(format, mode)];
        const [a, b, c] = given.map((x) => f.array(x).item()) as [number, number, number];
        const compiled = f.compile(textOf(part));
        const variables = Object.fromEntries(
          Object.entries({ a, b, c }).filter(([name]) => compiled.names.includes(name)),
        );
        for (let call = 0; call < 2; call++) {
          expect(compiled(variables)).toBe(byHand(g, part, { a, b, c }));
          expect(f.state).toEqual(g.state);
        }
        // So do the values of the steps that are explained.
        expect(compiled.explain(variables).at(-1)!.value).toBe(byHand(g, part, { a, b, c }));
        expect(f.state).toEqual(g.state);
      }),
      { numRuns: 1500 },
    );
  });

  test('on arrays, with numbers among the variables', () => {
    fc.assert(
      fc.property(
        settings,
        operation,
        fc.constantFrom(0, 1, 1, 7, 7, 7, 7, 7, 7, 7, 7, 40000),
        numbers,
        fc.boolean(),
        fc.nat(),
        ([format, mode], part, length, given, narrow, seed) => {
          const [f, g] = [arithmetic(format, mode), arithmetic(format, mode)];
          const Kind = narrow && format !== 'binary64' ? Float32Array : Float64Array;
          const array = (k: number): Float32Array | Float64Array =>
            Kind.from(
              f.array(
                Float64Array.from({ length }, (_, i) => (((i * 7919 + seed * 31 + k * 17) % 257) - 128) / 32),
              ).data,
            );
          const variables = { a: array(1), b: array(2), c: f.array(given).item() };
          const compiled = f.compile(textOf(part));
          const used = Object.fromEntries(
            Object.entries(variables).filter(([name]) => compiled.names.includes(name)),
          );
          const result = compiled(used);
          const wanted = byHand(g, part, variables);
          if (typeof wanted === 'number') expect(result).toBe(wanted);
          else expect([...(result as Float64Array)]).toEqual([...(wanted as Float64Array)]);
          expect(Object.getPrototypeOf(result)).toBe(Object.getPrototypeOf(wanted));
          expect(f.state).toEqual(g.state);
        },
      ),
      { numRuns: 250 },
    );
  });

  test('on shaped arrays, broadcast, written over a variable', () => {
    fc.assert(
      fc.property(settings, operation, fc.nat(), ([format, mode], part, seed) => {
        const [f, g] = [arithmetic(format, mode), arithmetic(format, mode)];
        const matrix = (h: F, shape: number[], k: number): ShapedArray =>
          h.array(
            Float64Array.from(
              { length: shape.reduce((x, y) => x * y, 1) },
              (_, i) => ((i * 37 + seed + k) % 33) / 4 - 4,
            ),
            shape,
          );
        const compiled = f.compile(textOf(part));
        const make = (h: F): Record<string, ShapedArray> => ({
          a: matrix(h, [3, 4], 1).T,
          b: matrix(h, [3], 2),
          c: matrix(h, [4, 1], 3),
        });
        const [mine, others] = [make(f), make(g)];
        // A scalar operand goes to the right of an array among methods: the same as the flat calls on what is broadcast.
        const shape =
          compiled.names.includes('a') || (compiled.names.includes('b') && compiled.names.includes('c'))
            ? [4, 3]
            : compiled.names.includes('b')
              ? [3]
              : [4, 1];
        const whole = Object.fromEntries(
          Object.entries(others).map(([name, x]) => [
            name,
            compiled.names.includes(name) ? x.broadcastTo(shape).toTypedArray() : x,
          ]),
        );
        const used = Object.fromEntries(
          Object.entries(mine).filter(([name]) => compiled.names.includes(name)),
        );
        if (compiled.names.length === 0) return;
        const wanted = [...(byHand(g, part, whole) as Float64Array)];
        const out = compiled.names.includes('a') ? mine['a'] : undefined;
        const result = compiled(used, out && { out });
        expect([...result.toTypedArray()]).toEqual(wanted);
        expect(result.shape).toEqual(shape);
        if (out !== undefined) expect(result).toBe(out);
        expect(f.state).toEqual(g.state);
      }),
      { numRuns: 300 },
    );
  });
});

describe('formats', () => {
  test('of variables and operations convert where they meet, with draws', () => {
    for (const mode of modes.slice(0, -1)) {
      const f = arithmetic('bfloat16', mode);
      const compiled = f.compile('a * b + c', { formats: { a: 'e5m2' }, operations: { mul: 'binary32' } });
      const [low, high, own] = [
        arithmetic('e5m2', mode),
        arithmetic('binary32', mode),
        arithmetic('bfloat16', mode),
      ];
      let offset = 0;
      const at = <T>(g: F, call: () => T): T => {
        g.restore({ offset, supplied: 0 });
        if (mode.rounding?.startsWith('stochastic')) offset++;
        return call();
      };
      const wanted = (a: number, b: number, c: number): number => {
        const entered = at(low, () => low.convert(a));
        const left = at(high, () => high.convert(entered));
        const right = at(high, () => high.convert(b));
        const product = at(high, () => high.mul(left, right));
        const term = at(own, () => own.convert(product));
        return at(own, () => own.add(term, c));
      };
      for (const [a, b, c] of [
        [0.3, 1.5, 2],
        [-0.7, 0.0625, 1],
        [1e-3, 3, -0.5],
      ] as const)
        expect(compiled({ a, b, c })).toBe(wanted(a, b, c));
      expect(f.state.offset).toBe(offset);
    }
  });

  test('of a part by its text', () => {
    const f = arithmetic('e4m3fn');
    const compiled = f.compile('a * b + a * c', { operations: { 'a * b': 'binary16' } });
    expect(compiled.tree).toBe(
      [
        'add -> e4m3fn: a * b + a * c',
        '  convert -> e4m3fn: a * b',
        '    mul -> binary16: a * b',
        '      convert -> binary16: a',
        '        a',
        '      convert -> binary16: b',
        '        b',
        '  mul -> e4m3fn: a * c',
        '    a',
        '    c',
      ].join('\n'),
    );
  });

  test('products are fused where it is wanted', () => {
    const f = arithmetic('binary16');
    const [a, b, c, d] = [1.0029296875, 1.0029296875, -1, 3];
    const fused = (text: string): unknown =>
      f.compile(text, { contract: 'fma' })({ ...{ a, b, c }, ...(text.includes('d') && { d }) });
    expect(fused('a * b + c')).toBe(f.fma(a, b, c));
    expect(fused('c + a * b')).toBe(f.fma(a, b, c));
    expect(fused('a * b - c')).toBe(f.fma(a, b, -c));
    expect(fused('c - a * b')).toBe(f.fma(-a, b, c));
    expect(fused('a * b + c * d')).toBe(f.fma(a, b, f.mul(c, d)));
    expect(f.compile('a * b + c')({ a, b, c })).not.toBe(f.fma(a, b, c));
    // A product that is rounded to another format is not fused.
    const apart: CompileOptions = { contract: 'fma', operations: { mul: 'binary32' } };
    expect(f.compile('a * b + c', apart).tree).toContain('mul -> binary32');
  });
});

describe('constants', () => {
  test('are rounded once, from what is written', () => {
    const tie = '1.00048828125';
    const f = arithmetic('binary16');
    expect(f.compile(`0 + ${tie}`)()).toBe(1);
    expect(f.compile(`0 + ${tie}00000000000000000000000000000001`)()).toBe(1.0009765625);
    expect(arithmetic('binary16', { rounding: 'toward-positive' }).compile('0.1 * 1')()).toBe(
      0.10003662109375,
    );
    expect(arithmetic('binary64').compile('pi * 1')()).toBe(Math.PI);
    expect(arithmetic('binary64').compile('e * 1')()).toBe(Math.E);
    expect(arithmetic('e4m3fn').compile('1e400')()).toBeNaN();
    expect(arithmetic('binary16').compile('1e400')()).toBe(Infinity);
    expect(arithmetic('binary64').compile('Infinity - 1')()).toBe(Infinity);
    const sr = arithmetic('binary16', { rounding: 'stochastic' });
    expect(sr.compile('0.1')()).toBe(0.0999755859375);
    expect(sr.state.offset).toBe(0);
  });

  test('are values of a template too', () => {
    const f = arithmetic('binary16');
    expect(f.compile`a * ${2} + ${[1, 2]}`({ a: 3 })).toEqual(new Float64Array([7, 8]));
    const A = f.array([
      [1, 2],
      [3, 4],
    ]);
    expect((f.compile`${A} * ${A}`() as unknown as ShapedArray).toArray()).toEqual([
      [1, 4],
      [9, 16],
    ]);
  });
});

test('errors are explained against exact arithmetic', () => {
  const f = arithmetic('binary16');
  const [product, sum] = f.compile('a / b + c').explain({ a: 1, b: 3, c: 100 });
  expect(product).toEqual({
    ...{ text: 'a / b', operation: 'div', format: 'binary16', value: f.div(1, 3), exact: 1 / 3 },
    ...{
      error: -0.00008138020833333333,
      relativeError: -0.000244140625,
      roundingError: -0.00008138020833333333,
    },
  });
  expect(sum).toMatchObject({
    value: 100.3125,
    exact: 100.33333333333333,
    roundingError: 100.3125 - 100 - f.div(1, 3),
  });
  expect(sum!.error).toBeCloseTo(100.3125 - 100 - 1 / 3, 12);
  const [worst] = f.compile('a / 3').explain({ a: [3, 1, 2.5] });
  expect(worst).toMatchObject({ index: 1, value: f.div(1, 3) });
  expect(Math.abs(worst!.relativeError)).toBeLessThan(
    (formats.binary16 as { unitRoundoff: number }).unitRoundoff,
  );
});

test('variables may have names that every object inherits', () => {
  const f = arithmetic('binary16');
  for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty']) {
    expect(f.compile(`${name} + 1`)({ [name]: 2 })).toBe(3);
    expect(f.compile(`${name} + 1`, { formats: { [name]: 'e2m1' } })({ [name]: 2 })).toBe(3);
    expect(() => f.compile(`${name} + 1`)({})).toThrow(new RegExp(`^${name}: got undefined`));
  }
});

test('what no arithmetic has is refused, with the nearest name', () => {
  const f = arithmetic('binary16');
  const g = f.compile('alpha * b');
  for (const [call, message] of [
    [() => f.compile('sine(a)'), /^expression: got 'sine'; accepted: .*sin.*; a function of the arithmetic/],
    [() => f.compile('sqr(a)'), /^expression: got 'sqr'; accepted: .*sqrt/],
    [() => f.compile('atan2(a)'), /^expression: .*2 operands for atan2/],
    [() => f.compile('a == b'), /^expression: got 'a == b'; accepted: numbers, names/],
    [() => f.compile('a!'), /^expression: /],
    [() => f.compile('x = 3'), /^expression: /],
    [() => f.compile('[1, 2]'), /^expression: /],
    [() => f.compile('a ? b : c'), /^expression: /],
    [() => f.compile('"a"'), /^expression: /],
    [() => f.compile('a +'), /^expression: .*what mathjs parses: /],
    [() => f.compile(''), /^expression: got ''/],
    [() => f.compile(3 as never), /^expression: got 3/],
    [() => f.compile('a', { format: {} } as never), /^format: .*formats/],
    [() => f.compile('a', { formats: { b: 'e4m3fn' } }), /^formats\.b: .*a variable of the expression: a/],
    [() => f.compile('a', { formats: { a: 'e4m3fm' as never } }), /^formats\.a: .*e4m3fn/],
    [
      () => f.compile('a + b', { operations: { mul: 'e4m3fn' } }),
      /^operations\.mul: .*an operation of the expression: add/,
    ],
    [() => f.compile('a + b', { contract: 'always' as never }), /^contract: /],
    [() => f.compile('a + b', { parse: 3 as never }), /^parse: /],
    [() => g({ alpa: 1, b: 2 } as never), /^alpa: .*no such variable; the expression has alpha, b/],
    [() => g({ b: 2 } as never), /^alpha: got undefined; accepted: a value for the variable alpha/],
    [() => g({ alpha: 0.1, b: 1 }), /^alpha: got 0\.1; accepted: a value of binary16/],
    [() => g({ alpha: [1, 0.1], b: 1 }), /^alpha\[1\]: got 0\.1/],
    [() => g({ alpha: [1, 2], b: [1, 2, 3] }), /^(alpha|b): .*broadcasts/],
    [() => g({ alpha: '1' as never, b: 1 }), /^alpha: got '1'/],
    [() => g({ alpha: 1, b: 1 }, { out: new Float64Array(1) }), /^out: .*nothing when/],
    [() => g({ alpha: [1], b: 1 }, { outs: 1 } as never), /^outs: /],
    [() => f.compile('e * 1')({ e: 2 } as never), /^e: .*no such variable/],
  ] as const)
    expect(call).toThrow(message);
  expect(() =>
    f.compile('a + b', {
      parse: () => {
        throw new Error('no');
      },
    }),
  ).toThrow(/^expression: .*no/);
});
