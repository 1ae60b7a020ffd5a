/** Teachers that runs train first, in `OUT/teachers/`: a run that is stopped goes on with its own, equal ones are trained once. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '../../files/write.ts';
import { readCheckpoint, writeCheckpoint } from '../../train/files.ts';
import type { TeacherStore } from '../../train/index.ts';

export function teachersIn(out: string): TeacherStore {
  const folder = join(out, 'teachers');
  const pathOf = (name: string): string => join(folder, `${name}.safetensors`);
  return {
    read: (name) => (existsSync(pathOf(name)) ? readCheckpoint(pathOf(name)) : null),
    write(name, checkpoint) {
      makeFolders(folder);
      writeCheckpoint(pathOf(name), checkpoint);
    },
  };
}
