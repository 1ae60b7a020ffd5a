/** Files of states and checkpoints: whole or not there, whatever a process that was killed has left; every one that is wrong is told. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryName } from '../../src/files/write.ts';
import * as files from '../../src/train/files.ts';
import { decodeState, encodeState, type RecipeState } from '../../src/train/index.ts';
import { withFolder } from './cli-world.ts';

const state: RecipeState = {
  state: {
    version: 1,
    recipe: 'x',
    seed: 1,
    steps: 5,
    clocks: { w: 2 },
    optimizers: [{ kind: 'SGD', counters: { iterations: 2 }, parameters: [], clock: 0 }],
    draws: { 'w/forward.x': [2, 7] },
    phase: 0,
    emulation: { cursor: 0 },
    program: { losses: [1, 0.5] },
  },
  arrays: new Map([
    ['weights/w/values', { dtype: 'F32', shape: [2, 1], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }],
    [
      'quantizers/w/forward.x/0123456789abcdef/average',
      { dtype: 'F64', shape: [1], data: new Uint8Array(8) },
    ],
    ['weights/w/empty', { dtype: 'U8', shape: [0], data: new Uint8Array() }],
    ['weights/w/integers', { dtype: 'I32', shape: [1], data: Uint8Array.of(1, 2, 3, 4) }],
  ]),
};

const refusal = (argument: string, message: RegExp) =>
  expect.objectContaining({ name: 'ArgumentError', argument, message: expect.stringMatching(message) });

it('what is written is read, and written again gives the same bytes', async () => {
  await withFolder((folder) => {
    const file = join(folder, 'a.safetensors');
    files.writeState(file, state);
    expect(files.readState(file)).toEqual(state);
    expect(new Uint8Array(readFileSync(file))).toEqual(encodeState(decodeState(encodeState(state))));
  });
});

it('what killed processes left is neither in the way nor left for ever', async () => {
  await withFolder((folder) => {
    const file = join(folder, 'a.safetensors');
    const others = ['a.safetensors.tmp-x', 'a.safetensors.tmp-12.json', 'b.safetensors.tmp-12'];
    for (const name of [`a.safetensors.tmp-${process.pid}`, 'a.safetensors.tmp-1', ...others])
      writeFileSync(join(folder, name), 'half a fi');
    // In place of the temporary file somebody made a link to what must not be written to.
    const linked = join(folder, 'linked');
    writeFileSync(linked, 'theirs');
    symlinkSync(linked, temporaryName(join(folder, 'c.safetensors')));
    files.writeState(file, state);
    files.writeState(join(folder, 'c.safetensors'), state);
    expect(readdirSync(folder).sort()).toEqual(
      ['a.safetensors', 'c.safetensors', 'linked', ...others].sort(),
    );
    expect(readFileSync(linked, 'utf8')).toBe('theirs');
    expect(files.readState(file)).toEqual(state);
  });
});

it('a write that cannot be made says so and leaves what was there', async () => {
  await withFolder((folder) => {
    const file = join(folder, 'a.safetensors');
    files.writeState(file, state);
    expect(() => files.writeState(file, { ...state, arrays: {} } as never)).toThrow(
      refusal('state.arrays', /a Map/),
    );
    mkdirSync(join(folder, 'folder'));
    expect(() => files.writeState(join(folder, 'folder'), state)).toThrow(/^cannot write .*folder: /);
    expect(() => files.writeState(join(folder, 'none', 'a'), state)).toThrow(/^cannot write .*ENOENT/);
    for (const path of [undefined, null, 5, {}])
      expect(() => files.writeState(path as never, state)).toThrow(refusal('path', /path: got/));
    expect(files.readState(file)).toEqual(state);
    expect(readdirSync(folder).sort()).toEqual(['a.safetensors', 'folder']);
  });
});

it('a file that is none, or another one, is refused with its place', async () => {
  await withFolder((folder) => {
    const at = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const bytes = encodeState(state);
    for (const read of [files.readState, files.readCheckpoint]) {
      const refused = (path: string, message: RegExp) =>
        expect(() => read(path)).toThrow(refusal(path, message));
      refused(join(folder, 'none'), /cannot be read: there is no such file/);
      refused(folder, /cannot be read: this is a folder/);
      refused(at('empty', ''), /is damaged: it has 0 bytes/);
      refused(at('text', 'a text of more than eight bytes'), /is damaged: byte 0: a header of/);
      refused(
        at('half', bytes.subarray(0, bytes.length - 3)),
        /is damaged: header, weights\/w\/integers: it ends at byte 20 of 17 bytes of tensors/,
      );
      expect(() => read(5 as never)).toThrow(refusal('path', /a string/));
    }
    // A whole file of the other kind.
    const file = at('state', bytes);
    expect(() => files.readCheckpoint(file)).toThrow(refusal(file, /is damaged: state/));
    expect(existsSync(file)).toBe(true);
  });
});
