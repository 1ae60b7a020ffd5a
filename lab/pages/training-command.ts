/** The commands that give the same losses as the page, for each recipe that it gives away. */
import type { State } from '../view/fields.ts';
import { recipeFields } from '../words.ts';

/** What the page calls the file of a field's recipe. */
export const recipeFile = (field: string): string => {
  const index = recipeFields.indexOf(field as 'recipe');
  return index === 0 ? 'recipe.json' : `recipe-${index + 1}.json`;
};

/** A word as a shell takes it for one. */
const quoted = (word: string): string =>
  /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

function dataWords({ data, label = '' }: State, files: readonly string[]): string[] {
  if (data === 'spirals') return ['--csv', 'spirals.csv', '--label', 'class'];
  if (data !== 'file') return [];
  const [name = 'FILE.csv', ...others] = files;
  if (others.length > 1) return ['--images', '.'];
  if (others.length === 1) {
    const [labels, images] = files.toSorted((one) => (/labels|idx1/i.test(one) ? -1 : 1));
    return ['--images', images!, '--labels', labels!];
  }
  if (!/\.csv$/i.test(name)) return ['--text', name];
  return ['--csv', name, ...(label.trim() === '' ? [] : ['--label', label.trim()])];
}

/** The words of the command after `halfulp`; `files` are the names of the user's. */
function commandWords(state: State, field: string, files: readonly string[]): string[] {
  const option = (name: string, text = ''): string[] => (text.trim() === '' ? [] : [name, text.trim()]);
  return [
    ...['train', recipeFile(field), '--model', state['model']!],
    ...['--steps', state['steps']!.trim(), '--seed', state['seed']!.trim()],
    ...option('--batch', state['batch']),
    ...option('--learning-rate', state['rate']),
    ...option('--evaluate-every', state['evaluate']),
    ...option('--probe-every', state['probes']?.trim() === '0' ? '' : state['probes']),
    ...option('--kernels', state['kernels'] === 'own' ? '' : state['kernels']),
    ...option('--backend', state['backend'] === 'wasm' ? '' : state['backend']),
    ...dataWords(state, files),
  ];
}

/** The command as a shell takes it. */
export const command = (state: State, field: string, files: readonly string[]): string =>
  ['halfulp', ...commandWords(state, field, files)].map(quoted).join(' ');
