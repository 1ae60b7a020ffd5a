/** The build of a module for shared memory, made of the one for unshared memory. */
import { describe, expect, it } from 'vitest';
import { sharedBuild } from '../../src/kernels/shared-build.ts';

const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const custom = [0, 3, 1, 0x61, 7];
const emptyTypes = [1, 1, 0];

const name = (text: string): number[] => [text.length, ...Buffer.from(text)];

function module(imports: number[], ...sections: number[][]): Uint8Array<ArrayBuffer> {
  const size = imports.length < 128 ? [imports.length] : [(imports.length % 128) | 0x80, imports.length >> 7];
  return Uint8Array.from([header, custom, [2, ...size, ...imports], ...sections].flat());
}

const memory = (field: string, limits: number[]): number[] => [
  1,
  ...name('env'),
  ...name(field),
  2,
  ...limits,
];

function link(build: Uint8Array<ArrayBuffer>, field: string, shared: boolean): WebAssembly.Instance {
  const made = shared
    ? new WebAssembly.Memory({ initial: 300, maximum: 400, shared })
    : new WebAssembly.Memory({ initial: 300 });
  return new WebAssembly.Instance(new WebAssembly.Module(build), { env: { [field]: made } });
}

describe('sharedBuild', () => {
  // The section's size takes two bytes from 128 on; the longer limits lead over that at 114 to 116 characters.
  it.each([1, 6, 100, 112, 113, 114, 115, 116, 117, 120])(
    'links with shared memory under a name of %i',
    (n) => {
      const field = 'm'.repeat(n);
      for (const limits of [
        [0, 0],
        [0, 1],
        [0, 0xac, 2],
        [0, 0xac, 0x82, 0],
      ]) {
        const unshared = module(memory(field, limits), custom);
        const before = Uint8Array.from(unshared);
        const shared = sharedBuild(unshared);
        expect(unshared).toEqual(before);
        expect(() => link(unshared, field, false)).not.toThrow();
        expect(() => link(unshared, field, true)).toThrow(WebAssembly.LinkError);
        expect(() => link(shared, field, true)).not.toThrow();
        expect(() => link(shared, field, false)).toThrow(WebAssembly.LinkError);
      }
    },
  );

  it('leaves what is before and behind the import section', () => {
    const shared = sharedBuild(module(memory('memory', [0, 1]), custom, custom));
    expect([...shared.subarray(0, 13)]).toEqual([...header, ...custom]);
    expect([...shared.subarray(-10)]).toEqual([...custom, ...custom]);
    expect(shared.length).toBe(module(memory('memory', [0, 1]), custom, custom).length + 3);
  });

  it.each([
    ['nothing', Uint8Array.from([...header, ...emptyTypes, ...custom])],
    ['no more than a header', Uint8Array.from(header)],
    ['a shared memory', module(memory('memory', [3, 1, 2]))],
    ['a memory with a largest size', module(memory('memory', [1, 1, 2]))],
    ['a memory of 64-bit addresses', module(memory('memory', [4, 1]))],
    ['a global', module([1, ...name('env'), ...name('g'), 3, 0x7f, 0])],
    ['two memories', module([2, ...memory('a', [0, 1]).slice(1), ...memory('b', [0, 1]).slice(1)])],
    ['no import in its section', module([0])],
    ['half of a size', Uint8Array.from([...header, 2, 0x80])],
  ])('refuses a module that imports %s', (_, bytes) => {
    expect(() => sharedBuild(bytes)).toThrow(RangeError);
  });

  it('refuses what it made', () => {
    expect(() => sharedBuild(sharedBuild(module(memory('memory', [0, 1]))))).toThrow(RangeError);
  });
});
