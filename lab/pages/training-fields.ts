/** The fields of the page of training. */
import { choice, type Form, file, lines, text } from '../view/fields.ts';
import { dataNames, modelNames, recipeFields } from '../words.ts';

/** The fields in their groups, and those that take files. */
export function trainingFields() {
  const data = file({
    name: 'file',
    label: 'file',
    value: '',
    multiple: true,
    hint: 'a text, a table .csv, or IDX files of images and labels together; they stay in this browser',
  });
  const open = file({
    name: 'open',
    label: 'open files of the command line',
    value: '',
    multiple: true,
    hint: 'a recipe; or config.json, metrics.jsonl, result.json, checkpoint-*.safetensors of a run, one or all at once',
  });
  const network = [
    choice({ name: 'data', label: 'data', options: dataNames, value: 'spirals' }),
    data,
    text({ name: 'label', label: 'column of the class', value: '', hint: 'empty for the first' }),
    choice({ name: 'model', label: 'model', options: modelNames, value: 'mlp' }),
    text({ name: 'steps', label: 'steps', value: '200' }),
    text({ name: 'seed', label: 'seed', value: '1' }),
    text({ name: 'probes', label: 'steps between probes', value: '10', hint: '0 for none' }),
    text({ name: 'evaluate', label: 'steps between validations', value: '', hint: 'empty: a twentieth' }),
    text({ name: 'batch', label: 'batch', value: '', hint: "empty: the model's" }),
    text({ name: 'rate', label: 'learning rate', value: '', hint: "empty: the model's" }),
    choice({
      name: 'backend',
      label: 'backend',
      options: [
        ['wasm', 'wasm'],
        ['cpu', 'cpu (slow)'],
      ],
      value: 'wasm',
    }),
    choice({ name: 'kernels', label: 'matrix products', options: ['own', 'stock'], value: 'own' }),
  ];
  const labels = ['one recipe', 'another', 'a third', 'a fourth'];
  const given = ['float32', '{ "recipe": "bitnetTransition", "at": 0.4 }', '', ''];
  const recipes = recipeFields.map((name, i) =>
    lines({
      name,
      label: labels[i]!,
      value: given[i]!,
      rows: 3,
      hint: i === 0 ? 'JSON, or the name of a published recipe: bitnet, dqt, nvfp4' : 'empty for none',
    }),
  );
  return {
    data,
    open,
    groups: [
      { title: 'Recipes', fields: [...recipes, open] },
      { title: 'Network', fields: network },
    ],
  };
}

/** Puts fields away that are not read, and a fourth recipe while there is no third. */
export function tidy({ state, field }: Form): void {
  for (const name of ['file', 'label']) field(name).element.hidden = state['data'] !== 'file';
  for (const [i, name] of recipeFields.entries())
    field(name).element.hidden =
      i > 1 && state[recipeFields[i - 1]!]!.trim() === '' && state[name]!.trim() === '';
}
